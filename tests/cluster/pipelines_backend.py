"""What the API server of Kubeflow Pipelines 2.17 keeps and answers, in multi-user mode; no workflow runs.

Tests say how runs go on and when schedules fire. ``reviews`` are the questions about rights (resource, verb) that the
real one would ask the Kubernetes API server; ``may`` answers them.
"""

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.cluster.pipelines_lists import page_of
from tests.cluster.pipelines_models import require_model

Json = dict[str, Any]
NEVER = "1970-01-01T00:00:00Z"
ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
MULTI_USER = "{} cannot have an empty namespace in multi-user mode"
CODES = {3: 400, 5: 404, 6: 409, 7: 403, 13: 500, 16: 401}


class Refused(Exception):
    """``code`` is gRPC's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Backend:
    may: Callable[[str, str, str], bool] = lambda namespace, resource, verb: True
    refused_spec: str | None = None
    experiments: dict[str, Json] = field(default_factory=dict)
    pipelines: dict[str, Json] = field(default_factory=dict)
    versions: dict[str, Json] = field(default_factory=dict)
    runs: dict[str, Json] = field(default_factory=dict)
    recurring: dict[str, Json] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    reviews: set[tuple[str, str]] = field(default_factory=set)
    lock: Any = field(default_factory=threading.RLock)
    # Runs go on by themselves, from PENDING to RUNNING and from CANCELING to CANCELED, each time they are looked at.
    moves: bool = True
    # Steps that runs are told to have, whose states follow that of the run.
    steps: tuple[str, ...] = ()

    # Experiments.

    def create_experiment(self, body: Json) -> Json:
        require_model("V2beta1Experiment", body)
        namespace = self._allowed(body.get("namespace", ""), "experiments", "create", "An experiment")
        if any(each["display_name"] == body["display_name"] for each in self._of(self.experiments, namespace)):
            raise Refused(6, f"Already exist error: Experiment {body['display_name']} already exists")
        made = body | {"experiment_id": _id(), "created_at": now(), "storage_state": "AVAILABLE"}
        return self._keep(self.experiments, "experiment_id", made, namespace)

    def list_experiments(self, query: dict[str, str]) -> Json:
        namespace = self._allowed(query.get("namespace", ""), "experiments", "list", "An experiment")
        return page_of(self._of(self.experiments, namespace), "experiments", query, "V2beta1ListExperimentsResponse")

    def delete_experiment(self, experiment_id: str) -> Json:
        self._named(self.experiments, experiment_id, "experiments", "delete")
        del self.experiments[experiment_id]
        return {}

    # Pipelines.

    def upload(self, query: dict[str, str], document: str) -> Json:
        """Raises as uploads do: an answer for who may not, that says nothing else."""
        namespace = query.get("namespace", "")
        if not self._ask(namespace, "pipelines", "create"):
            raise Refused(3, "Failed to create a pipeline")
        self._check(document)
        if any(each["name"] == query["name"] for each in self._of(self.pipelines, namespace)):
            raise Refused(6, "Failed to create a pipeline and a pipeline version")
        shown = {key: query[key] for key in ("name", "display_name", "description") if query.get(key)}
        made = shown | {"pipeline_id": _id(), "created_at": now(), "namespace": namespace}
        self._keep(self.pipelines, "pipeline_id", made, namespace)
        self.add_version(made["pipeline_id"], shown, document)
        require_model("V2beta1Pipeline", made)
        return made

    def upload_version(self, query: dict[str, str], document: str) -> Json:
        pipeline = self._named(self.pipelines, query["pipelineid"], "pipelines", "create")
        self._check(document)
        shown = {key: query[key] for key in ("name", "display_name", "description") if query.get(key)}
        return self.add_version(pipeline["pipeline_id"], shown, document)

    def add_version(self, pipeline_id: str, shown: Json, document: str) -> Json:
        spec, _, platforms = document.partition("\n---\n")
        given = json.loads(spec)
        if platforms:
            given = {"pipeline_spec": given, "platform_spec": json.loads(platforms)}
        made = shown | {"pipeline_id": pipeline_id, "pipeline_version_id": _id(), "created_at": now()}
        made |= {"pipeline_spec": given}
        require_model("V2beta1PipelineVersion", made)
        return self._keep(self.versions, "pipeline_version_id", made, self.namespaces[pipeline_id])

    def pipeline_named(self, name: str, query: dict[str, str]) -> Json:
        namespace = query.get("namespace", "")
        self._allowed(namespace, "pipelines", "get", "A pipeline")
        found = next((each for each in self._of(self.pipelines, namespace) if each["name"] == name), None)
        if found is None:
            raise Refused(5, f"Pipeline {name} not found")
        return found

    def list_versions(self, pipeline_id: str, query: dict[str, str]) -> Json:
        self._named(self.pipelines, pipeline_id, "pipelines", "list")
        found = [each for each in self.versions.values() if each["pipeline_id"] == pipeline_id]
        return page_of(found, "pipeline_versions", query, "V2beta1ListPipelineVersionsResponse")

    def delete_pipeline(self, pipeline_id: str, query: dict[str, str]) -> Json:
        self._named(self.pipelines, pipeline_id, "pipelines", "delete")
        versions = [key for key, each in self.versions.items() if each["pipeline_id"] == pipeline_id]
        if versions and query.get("cascade", "").lower() not in ("true", "1", "t"):
            raise Refused(3, f"Failed to delete pipeline with id {pipeline_id} as it has existing pipeline versions")
        for version in versions:
            del self.versions[version]
        del self.pipelines[pipeline_id]
        return {}

    def _check(self, document: str) -> None:
        if self.refused_spec is not None:
            raise Refused(3, self.refused_spec)
        assert json.loads(document.partition("\n---\n")[0])["pipelineInfo"]["name"]

    # Runs.

    def create_run(self, body: Json) -> Json:
        require_model("V2beta1Run", body)
        experiment = self._experiment(body)
        namespace = self._allowed(experiment["namespace"], "runs", "create", "A run")
        return self.add_run(body, namespace)

    def add_run(self, body: Json, namespace: str, at: datetime | None = None) -> Json:
        made = now(at)
        run = body | {"run_id": _id(), "state": "PENDING", "storage_state": "AVAILABLE", "created_at": made}
        run |= {"scheduled_at": made, "finished_at": NEVER}
        run |= {"state_history": [{"update_time": made, "state": "PENDING"}]}
        require_model("V2beta1Run", run)
        return self._keep(self.runs, "run_id", run, namespace)

    def get_run(self, run_id: str) -> Json:
        return self._named(self.runs, run_id, "runs", "get")

    def list_runs(self, query: dict[str, str]) -> Json:
        namespace = self._allowed(query.get("namespace", ""), "runs", "list", "A run")
        for run in self._of(self.runs, namespace):
            self._advance(run)
        return page_of(self._of(self.runs, namespace), "runs", query, "V2beta1ListRunsResponse")

    def terminate_run(self, run_id: str) -> Json:
        run = self._named(self.runs, run_id, "runs", "terminate")
        if run["state"] in (*ENDED, "CANCELING"):
            raise Refused(3, f"Failed to terminate a run {run_id}. Row not found")
        self.move(run_id, "CANCELING")
        return {}

    def delete_run(self, run_id: str) -> Json:
        self._named(self.runs, run_id, "runs", "delete")
        del self.runs[run_id]
        return {}

    # Recurring runs.

    def create_recurring(self, body: Json) -> Json:
        require_model("V2beta1RecurringRun", body)
        experiment = self._experiment(body)
        namespace = self._allowed(experiment["namespace"], "jobs", "create", "Recurring run")
        if not 1 <= int(body["max_concurrency"]) <= 10:
            raise Refused(3, "Max concurrency of a recurring run must be at least 1 and at most 10")
        cron = body["trigger"].get("cron_schedule", {}).get("cron")
        if cron is not None and not cron.startswith("@") and not 5 <= len(cron.split()) <= 6:
            raise Refused(3, f"Schedule cron is not a supported format: Expected 5 to 6 fields, found {cron!r}")
        status = "ENABLED" if body["mode"] == "ENABLE" else "DISABLED"
        made = body | {"recurring_run_id": _id(), "created_at": now(), "updated_at": now(), "status": status}
        require_model("V2beta1RecurringRun", made)
        return self._keep(self.recurring, "recurring_run_id", made, namespace)

    def list_recurring(self, query: dict[str, str]) -> Json:
        namespace = self._allowed(query.get("namespace", ""), "jobs", "list", "a recurring run")
        found = self._of(self.recurring, namespace)
        return page_of(found, "recurringRuns", query, "V2beta1ListRecurringRunsResponse")

    def switch(self, recurring_id: str, verb: str) -> Json:
        recurring = self._named(self.recurring, recurring_id, "jobs", verb)
        recurring |= {"status": f"{verb.upper()}D", "mode": verb.upper(), "updated_at": now()}
        return {}

    def delete_recurring(self, recurring_id: str, query: dict[str, str]) -> Json:
        require_model("V2beta1DeletePropagationPolicy", query.get("propagation_policy", "FOREGROUND"))
        self._named(self.recurring, recurring_id, "jobs", "delete")
        del self.recurring[recurring_id]
        return {}

    # What a test makes happen.

    def move(self, run_id: str, state: str, message: str = "") -> None:
        with self.lock:
            run = self.runs[run_id]
            entry: Json = {"update_time": now(), "state": state}
            run["state_history"] = [*run["state_history"], entry]
            run["state"] = state
            if state in ENDED:
                run["finished_at"] = now()
            if message:
                run["error"] = {"code": 13, "message": message}
            if self.steps:
                # Argo knows of nothing that is terminated, only of failures.
                told = "FAILED" if state == "CANCELED" else state
                self.tell_tasks(run_id, *((step, told) for step in self.steps))
            require_model("V2beta1Run", run)

    def tell_tasks(self, run_id: str, *tasks: tuple[str, str]) -> None:
        """(name as Argo shows it, state) of nodes of the workflow."""
        with self.lock:
            details = [_task(run_id, name, state) for name, state in tasks]
            self.runs[run_id]["run_details"] = {"task_details": details}
            require_model("V2beta1Run", self.runs[run_id])

    def tick(self, recurring_id: str, at: datetime | None = None) -> str:
        """The controller of schedules makes a run; its id."""
        with self.lock:
            recurring = self.recurring[recurring_id]
            kept = ("experiment_id", "pipeline_spec", "runtime_config", "service_account")
            body = {key: recurring[key] for key in kept if key in recurring}
            body |= {"display_name": f"{recurring['display_name'][:20]}-1", "recurring_run_id": recurring_id}
            return self.add_run(body, self.namespaces[recurring_id], at)["run_id"]

    # Rights.

    def _ask(self, namespace: str, resource: str, verb: str) -> bool:
        self.reviews.add((resource, verb))
        return self.may(namespace, resource, verb)

    def _allowed(self, namespace: str, resource: str, verb: str, what: str) -> str:
        if not namespace:
            raise Refused(3, MULTI_USER.format(what))
        if not self._ask(namespace, resource, verb):
            raise Refused(7, f"User is not authorized with reason: (request: {verb} {resource})")
        return namespace

    def _named(self, kept: dict[str, Json], key: str, resource: str, verb: str) -> Json:
        """Rights are asked for in the namespace of what is there already."""
        if key not in kept:
            raise Refused(5, f"{resource} {key} not found")
        self._allowed(self.namespaces[key], resource, verb, resource)
        if resource == "runs" and verb == "get":
            self._advance(kept[key])
        return kept[key]

    def _advance(self, run: Json) -> None:
        following = {"PENDING": "RUNNING", "CANCELING": "CANCELED"}.get(run["state"])
        if self.moves and following is not None:
            self.move(run["run_id"], following)

    def _experiment(self, body: Json) -> Json:
        if body.get("experiment_id") not in self.experiments:
            raise Refused(5, f"Experiment {body.get('experiment_id')} not found")
        return self.experiments[body["experiment_id"]]

    def _keep(self, kept: dict[str, Json], key: str, made: Json, namespace: str) -> Json:
        kept[made[key]] = made
        self.namespaces[made[key]] = namespace
        return made

    def _of(self, kept: dict[str, Json], namespace: str) -> list[Json]:
        return [each for key, each in kept.items() if self.namespaces[key] == namespace]


def now(at: datetime | None = None) -> str:
    return (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _id() -> str:
    return str(uuid.uuid4())


def _task(run_id: str, name: str, state: str) -> Json:
    ended = now() if state in ENDED else NEVER
    return {
        "run_id": run_id,
        "task_id": _id(),
        "display_name": name,
        "create_time": now(),
        "start_time": now(),
        "end_time": ended,
        "state": state,
        "state_history": [{"update_time": now(), "state": state}],
    }
