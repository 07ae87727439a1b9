"""Experiments through their driver over a real API server; the test plays the TensorBoard controller."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.catalogue import load
from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import POD, TENSORBOARD, VOLUME_CLAIM
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.bundles import Applier
from adapters.easymaker.engines.cluster.experiments import ExperimentDriver
from adapters.easymaker.engines.cluster.informers import Cache
from adapters.easymaker.engines.cluster.names import RESOURCE_ID
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pipelines_objects import PIPELINES_ID
from adapters.easymaker.kinds.record import Family, Goal, Json
from adapters.easymaker.settings import Settings
from tests.adapters.easymaker.engines.cluster import training_samples as samples
from tests.adapters.easymaker.engines.cluster.waiting import until
from tests.cluster.pipelines_double import PipelinesDouble
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fixtures import LoadCrds

BOARD = f"em-{samples.EXPERIMENT_ID}"
SELECTOR = f"{RESOURCE_ID}={samples.EXPERIMENT_ID}"
MERGE = {"Content-Type": "application/merge-patch+json"}
MakeDriver = Callable[..., ExperimentDriver]


@pytest.fixture
def cache(server: ApiServer, namespace: str, crds: LoadCrds) -> Iterator[Cache]:
    crds({"tensorboards"})
    opened = Cache(server, [TENSORBOARD, POD], [namespace], lambda _: None)
    opened.start()
    until(lambda: all(state.synced for state in opened.states()), "the first lists")
    yield opened
    opened.stop()


@pytest.fixture
def driver(server: ApiServer, cache: Cache) -> MakeDriver:
    def make(**settings: Any) -> ExperimentDriver:
        cluster = samples.cluster_settings(kubeflow_url="https://kubeflow.example.com/", **settings)
        return ExperimentDriver(ClusterParts(server, cache, Applier(server), load(), Settings(), cluster))

    return make


def family(namespace: str, goal: Goal = Goal.PRESENT, state: Json | None = None) -> Family:
    return Family(samples.experiment({"appkey": namespace, "goal": goal, "state": state or {}}))


def see(driver: ExperimentDriver, subject: Family, phase: Phase, reason: str = "") -> Observation:
    def seen() -> Observation | None:
        found = driver.observe(subject)
        return found if found.phase is phase and reason in found.reason else None

    return until(seen, f"{phase} {reason}")


def ready(admin: ApiServerProcess, namespace: str) -> None:
    path = TENSORBOARD.path(namespace, BOARD, "status")
    status = {"status": {"conditions": [{"deploymentState": "Available"}], "readyReplicas": 1}}
    admin.request("PATCH", path, status, headers=MERGE).raise_for_status()


def test_an_experiment_from_nothing_to_active_and_gone(
    driver: MakeDriver, server: ApiServer, api_server: ApiServerProcess, namespace: str
) -> None:
    ours, subject = driver(), family(namespace)
    assert ours.observe(subject).phase is Phase.MISSING
    ours.start(subject)
    see(ours, subject, Phase.PENDING, "TensorBoard is starting")
    assert ours.report("tensorboard", subject, {})["status"] == "STARTING"
    claim = server.list(VOLUME_CLAIM, namespace, SELECTOR)[0]
    assert claim["metadata"]["ownerReferences"][0]["name"] == BOARD
    ready(api_server, namespace)
    see(ours, subject, Phase.RUNNING)
    uri = f"https://kubeflow.example.com/tensorboard/{namespace}/{BOARD}/"
    assert ours.report("tensorboard", subject, {}) == {"status": "RUNNING", "uri": uri}
    gone = family(namespace, Goal.ABSENT)
    assert ours.observe(gone).phase is not Phase.MISSING
    until(lambda: ours.remove(gone), "nothing is left")
    assert server.list(TENSORBOARD, namespace, SELECTOR) == server.list(VOLUME_CLAIM, namespace, SELECTOR) == []


def test_starting_again_changes_nothing_and_a_changed_one_is_brought_up_to_date(
    driver: MakeDriver, server: ApiServer, namespace: str
) -> None:
    ours, subject = driver(), family(namespace)
    ours.start(subject)
    before = server.read(TENSORBOARD, namespace, BOARD)
    see(ours, subject, Phase.PENDING, "starting")
    ours.start(subject)
    assert server.read(TENSORBOARD, namespace, BOARD) == before
    renamed = Family(replace(subject.record, name="another name"))
    assert "up to date" in ours.observe(renamed).reason
    ours.start(renamed)
    see(ours, renamed, Phase.PENDING, "starting")


def test_with_pipelines_there_is_one_experiment_in_them(
    driver: MakeDriver, api_server: ApiServerProcess, namespace: str, tmp_path: Path
) -> None:
    with PipelinesDouble() as pipelines:
        ours = driver(pipelines_url=pipelines.url, pipelines_token=tmp_path / "token")
        subject = family(namespace)
        ours.start(subject)
        ours.start(subject)
        assert len(pipelines.backend.experiments) == 1
        until(lambda: ours.observe(subject).phase is Phase.PENDING, "the board is seen")
        ready(api_server, namespace)
        found = see(ours, subject, Phase.RUNNING).detail[PIPELINES_ID]
        assert found in pipelines.backend.experiments
        asked = len(pipelines.asked)
        known = family(namespace, state={PIPELINES_ID: found})
        see(ours, known, Phase.RUNNING)
        assert len(pipelines.asked) == asked
        gone = family(namespace, Goal.ABSENT, {PIPELINES_ID: found})
        until(lambda: ours.remove(gone), "nothing is left")
        assert pipelines.backend.experiments == {}


def test_one_that_pipelines_do_not_have_yet_is_not_active(
    driver: MakeDriver, api_server: ApiServerProcess, namespace: str, tmp_path: Path
) -> None:
    with PipelinesDouble() as pipelines:
        ours = driver(pipelines_url=pipelines.url, pipelines_token=tmp_path / "token")
        subject = family(namespace)
        driver().start(subject)
        ready(api_server, namespace)
        see(ours, subject, Phase.PENDING, "in Kubeflow Pipelines")
        ours.start(subject)
        see(ours, subject, Phase.RUNNING)
