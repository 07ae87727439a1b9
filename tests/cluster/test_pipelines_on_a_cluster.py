"""Pipelines, runs and schedules of an adapter on a cluster, as one user leads them over REST.

Kubeflow Pipelines is a double; what it may be asked for, the real API server says by the roles of the manifests. Every
operation of its API fails once in every way, and everything still ends where it would have without that.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.easymaker.engines.cluster.permissions import PIPELINES
from tests.adapters.easymaker.engines.cluster.pipeline_samples import spec
from tests.cluster.controllers import Controllers
from tests.cluster.installation import ADAPTER, HOME, ClusterInstallation
from tests.cluster.lives import PatientApi, together
from tests.cluster.pipelines_backend import Backend
from tests.cluster.pipelines_double import OPERATIONS, PipelinesDouble, Trouble
from tests.conftest import PATIENCE, wait_for
from tests.kubernetes.access import may
from tests.kubernetes.api_server import ApiServerProcess

pytestmark = pytest.mark.slow

STEPS = ("prepare", "train")
# Only asked by people, or to mend what nothing here breaks.
UNUSED = {"Healthz", "UploadPipelineVersion"}
CREATION = (
    "CreateExperiment", "ListExperiments", "UploadPipeline", "GetPipelineByName", "ListPipelineVersions", "CreateRun",
    "ListRuns", "GetRun", "TerminateRun", "CreateRecurringRun", "ListRecurringRuns", "DisableRecurringRun",
    "EnableRecurringRun",
)  # fmt: skip
DELETION = ("DeletePipeline", "DeleteRun", "DeleteRecurringRun", "DeleteExperiment")


@dataclass
class Pipelines:
    """``ids`` are of our resources, by what they stand for."""

    installation: ClusterInstallation
    double: PipelinesDouble
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> PatientApi:
        return PatientApi(self.installation.api().client)

    @property
    def backend(self) -> Backend:
        return self.double.backend

    def begin(self) -> None:
        self.ids["experiment"] = self.api.experiment()
        document = base64.b64encode(json.dumps(spec()).encode()).decode()
        body = {"pipelineName": "two steps", "base64PipelineSpecManifest": document}
        made = self.api.ok("POST", "/pipelines/upload", json=body)["pipeline"]["pipelineId"]
        assert self.api.wait("pipelines", "pipeline", made)["pipelineStatusCode"] == "ACTIVE"
        self.ids["pipeline"] = made
        together(self._done, self._stopped, self._failed, self._scheduled)

    def end(self) -> None:
        runs = [each for each in self.ids if each.startswith("run")]
        together(*(lambda what=what: self._delete("pipeline-runs", what) for what in runs))
        self._delete("pipeline-recurring-runs", "schedule")
        together(lambda: self._delete("pipelines", "pipeline"), lambda: self._delete("experiments", "experiment"))

    def run_in_kfp(self, what: str) -> str:
        """Its id there."""
        mine = self.ids[what]
        with self.backend.lock:
            (found,) = [each for each in self.backend.runs.values() if mine in (each["display_name"] + each["run_id"])]
        return found["run_id"]

    def _body(self, what: str, **more: Any) -> dict[str, Any]:
        return {
            "pipelineRunOrRecurringRunName": what,
            "pipelineId": self.ids["pipeline"],
            "experimentId": self.ids["experiment"],
            "flavorId": self.api.flavor("m2.c2m4"),
            "parameterList": [{"parameterName": "epochs", "parameterValue": "5"}],
        } | more

    def _run(self, what: str) -> str:
        made = self.api.create("pipeline-runs", "pipelineRun", self._body(what))["pipelineRunId"]
        self.ids[what] = made
        assert self._ended(made, "RUNNING")["pipelineRunStatusCode"] == "RUNNING"
        return made

    def _ended(self, made: str, status: str) -> dict[str, Any]:
        found = self.api.wait("pipeline-runs", "pipelineRun", made, {status})
        assert found["pipelineRunStatusCode"] == status, found
        return found

    def _done(self) -> None:
        made = self._run("run that is done")
        graph = self.api.ok("GET", f"/pipeline-runs/{made}/graph")["graph"]
        assert {node["state"] for node in graph["nodes"]} == {"RUNNING"}
        self.backend.move(self.run_in_kfp("run that is done"), "SUCCEEDED")
        self._ended(made, "COMPLETE")

    def _failed(self) -> None:
        made = self._run("run that fails")
        self.backend.move(self.run_in_kfp("run that fails"), "FAILED", "no such data")
        assert "no such data" in self._ended(made, "FAIL_PIPELINE_RUN")["pipelineRunStatusReason"]

    def _stopped(self) -> None:
        made = self._run("run that is stopped")
        self.api.ok("PUT", f"/pipeline-runs/{made}/stop")
        self._ended(made, "STOPPED")

    def _scheduled(self) -> None:
        """Two runs come of it; between them it is stopped and started again."""
        body = self._body("schedule", schedulePeriodicMinutes=10)
        made = self.api.create("pipeline-runs", "pipelineRecurringRun", body)["pipelineRecurringRunId"]
        self.ids["schedule"] = made
        self.api.wait("pipeline-recurring-runs", "pipelineRecurringRun", made, {"ENABLED"})
        self._tick("run of the schedule")
        for action, status in (("stop", "DISABLED"), ("start", "ENABLED")):
            self.api.ok("PUT", f"/pipeline-recurring-runs/{made}/{action}")
            wait_for(lambda status=status: self._recurring()["status"] == status, PATIENCE, f"it is {status} there")
        self._tick("run of the schedule again")

    def _tick(self, what: str) -> None:
        run_id = self.ids[what] = self.backend.tick(self._recurring()["recurring_run_id"])
        query = {"params": {"pipelineRecurringRunId": self.ids["schedule"]}}

        def runs() -> list[str]:
            found = self.api.ok("GET", "/pipeline-runs", **query)["pipelineRunList"]
            return [each["pipelineRunId"] for each in found]

        wait_for(lambda: run_id in runs(), PATIENCE, "the run that it made is ours")
        self._ended(run_id, "RUNNING")
        self.backend.move(run_id, "SUCCEEDED")
        self._ended(run_id, "COMPLETE")

    def _recurring(self) -> dict[str, Any]:
        mine = self.ids["schedule"]
        with self.backend.lock:
            return next(each for each in self.backend.recurring.values() if mine in each["display_name"])

    def _delete(self, plural: str, what: str) -> None:
        self.api.ok("DELETE", f"/{plural}/{self.ids[what]}")
        self.api.gone(plural, self.ids[what])

    def counts(self) -> dict[str, int]:
        kept = ("experiments", "pipelines", "versions", "runs", "recurring")
        return {what: len(getattr(self.backend, what)) for what in kept}


@pytest.fixture
def pipelines(
    cluster: ClusterInstallation, controllers: Controllers, kubeflow: ApiServerProcess
) -> Iterator[Pipelines]:
    """Who asks, is the adapter's own account; what it may, the API server knows."""
    user = f"system:serviceaccount:{HOME}:{ADAPTER}"

    def allowed(namespace: str, resource: str, verb: str) -> bool:
        group = "pipelines.kubeflow.org"
        return may(kubeflow, user, {"namespace": namespace, "group": group, "resource": resource, "verb": verb})

    with PipelinesDouble(Backend(may=allowed, steps=STEPS)) as double:
        cluster.start(workers=8, cluster_pipelines_url=double.url, cluster_pipelines_poll_seconds=0.2)
        yield Pipelines(cluster, double)
        cluster.kill()


WHOLE = {"experiments": 1, "pipelines": 1, "versions": 1, "runs": 5, "recurring": 1}


def test_a_life_needs_the_rights_that_the_role_grants(pipelines: Pipelines) -> None:
    pipelines.begin()
    assert pipelines.counts() == WHOLE
    pipelines.end()
    assert pipelines.counts() == dict.fromkeys(WHOLE, 0)
    asked = pipelines.backend.reviews
    assert asked == {(each.resource, verb) for each in PIPELINES for verb in each.verbs}
    assert {each.name for each in OPERATIONS} - set(pipelines.double.asked) == UNUSED


# Most of the time is the loop's own pauses before it tries again.
EVERY = [[Trouble.CUT_AFTER], [Trouble.CONFLICT, Trouble.CUT], [Trouble.TOO_MANY, Trouble.LOST]]
EVERY += [[Trouble.INTERNAL, Trouble.UNAVAILABLE]]
CELLS = [
    pytest.param(troubles, marks=[pytest.mark.exhaustive] if number else [], id=" and ".join(troubles))
    for number, troubles in enumerate(EVERY)
]


@pytest.mark.parametrize("troubles", CELLS)
def test_every_operation_fails_once(
    pipelines: Pipelines, troubles: list[Trouble], record_property: Callable[[str, object], None]
) -> None:
    for trouble in troubles:
        pipelines.double.plan(*CREATION, trouble=trouble)
    pipelines.begin()
    assert pipelines.counts() == WHOLE
    for trouble in troubles:
        pipelines.double.plan(*DELETION, trouble=trouble)
    pipelines.end()
    assert pipelines.counts() == dict.fromkeys(WHOLE, 0)
    assert pipelines.double.unused() == {}
    cells = set(pipelines.double.happened)
    assert len(cells) == len(troubles) * len({*CREATION, *DELETION})
    record_property("cells", len(cells))


def test_every_trouble_has_its_turn() -> None:
    assert {trouble for troubles in EVERY for trouble in troubles} == set(Trouble)
