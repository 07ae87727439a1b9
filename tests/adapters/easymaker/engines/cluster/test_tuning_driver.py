"""Tunings through their driver over a real API server; the test plays Katib, which sets statuses and makes trials."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.easymaker.catalogue import load
from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.cluster.api_resources import (
    CONFIG_MAP,
    KATIB_EXPERIMENT,
    KATIB_SUGGESTION,
    KATIB_TRIAL,
    POD,
    TRAIN_JOB,
    ApiResource,
)
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.bundles import Applier, applied_digest
from adapters.easymaker.engines.cluster.informers import Cache
from adapters.easymaker.engines.cluster.mapping.tunings import tuning_bundle
from adapters.easymaker.engines.cluster.names import RESOURCE_ID
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.tunings import TuningDriver
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds.record import Family, Goal, Json
from adapters.easymaker.settings import Settings
from tests.adapters.easymaker.engines.cluster import training_samples as samples
from tests.adapters.easymaker.engines.cluster.katib_states import NAME, trial, trial_name
from tests.adapters.easymaker.engines.cluster.kubernetes_states import condition
from tests.adapters.easymaker.engines.cluster.waiting import until
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fixtures import LoadCrds

MERGE = {"Content-Type": "application/merge-patch+json"}
SELECTOR = f"{RESOURCE_ID}={samples.TUNING_ID}"
WATCHED = (KATIB_EXPERIMENT, KATIB_TRIAL, TRAIN_JOB, POD)


class Situation:
    """A tuning in a namespace of its own."""

    def __init__(self, server: ApiServer, admin: ApiServerProcess, namespace: str, cache: Cache) -> None:
        self.server = server
        self.namespace = namespace
        self._admin = admin
        self.cache = cache
        parts = ClusterParts(server, cache, Applier(server), load(), Settings(), samples.cluster_settings())
        self.driver = TuningDriver(parts)

    def family(self, goal: Goal = Goal.PRESENT, status: str = "CREATE_IN_PROGRESS", **spec: Any) -> Family:
        return Family(samples.tuning({"appkey": self.namespace, "goal": goal, "status": status}, **spec))

    def read(self, resource: ApiResource = KATIB_EXPERIMENT, name: str = NAME) -> Json:
        found = self.server.read(resource, self.namespace, name)
        assert found is not None
        return found

    def create(self, resource: ApiResource, manifest: Json) -> Json:
        body = {"apiVersion": resource.api_version, "kind": resource.kind} | manifest
        answer = self._admin.request("POST", resource.path(self.namespace), body).raise_for_status()
        return answer.json()

    def status(self, resource: ApiResource, name: str, status: Json) -> None:
        path = resource.path(self.namespace, name, "status")
        self._admin.request("PATCH", path, {"status": status}, headers=MERGE).raise_for_status()

    def trial(self, number: int, *kinds: str) -> None:
        """As Katib makes it, with its job."""
        made, labels = trial(number, *kinds), self.read()["metadata"]["labels"]
        name = made["metadata"]["name"]
        self.create(KATIB_TRIAL, {"metadata": {"name": name, "labels": labels}, "spec": made["spec"]})
        self.status(KATIB_TRIAL, name, made["status"])
        job = self.read()["spec"]["trialTemplate"]["trialSpec"]
        self.create(TRAIN_JOB, job | {"metadata": job["metadata"] | {"name": name}})

    def see(self, family: Family, phase: Phase):
        return until(lambda: seen if (seen := self.driver.observe(family)).phase is phase else None, phase)

    def known(self, resource: ApiResource, count: int) -> None:
        """Until the cache has followed."""
        until(lambda: len(self.cache.of(resource, samples.TUNING_ID)) == count, f"{count} {resource.plural}")


@pytest.fixture
def situation(server: ApiServer, api_server: ApiServerProcess, namespace: str, crds: LoadCrds) -> Iterator[Situation]:
    crds({"trainjobs", "experiments", "trials", "suggestions"})
    cache = Cache(server, WATCHED, [namespace], lambda _: None)
    cache.start()
    until(lambda: all(state.synced for state in cache.states()), "the first lists")
    yield Situation(server, api_server, namespace, cache)
    cache.stop()


def test_one_that_was_left_half_made_is_completed(situation: Situation) -> None:
    family = situation.family()
    situation.server.apply(tuning_bundle(family.record, samples.site()).owner)
    situation.known(KATIB_EXPERIMENT, 1)
    assert situation.driver.observe(family).phase is Phase.MISSING
    situation.driver.start(family)
    whole = situation.read()
    assert applied_digest(whole) is not None
    (config_map,) = situation.server.list(CONFIG_MAP, situation.namespace, SELECTOR)
    assert config_map["metadata"]["ownerReferences"][0]["uid"] == whole["metadata"]["uid"]
    situation.see(family, Phase.PENDING)


def test_a_whole_one_is_never_applied_again(situation: Situation) -> None:
    """Katib takes no change of a running Experiment but of its counts."""
    family = situation.family()
    situation.driver.start(family)
    situation.see(family, Phase.PENDING)
    before = situation.read()["metadata"]["resourceVersion"]
    situation.driver.start(Family(replace(family.record, name="another name")))
    assert situation.read()["metadata"]["resourceVersion"] == before


def test_a_stop_ends_the_experiment_and_suspends_what_runs(situation: Situation) -> None:
    family = situation.family()
    situation.driver.start(family)
    situation.trial(1, "Running")
    situation.trial(2, "Succeeded")
    situation.known(TRAIN_JOB, 2)
    situation.known(KATIB_TRIAL, 2)
    until(lambda: situation.driver.observe(family).detail.get("successfulTrialCount") == 1, "the statuses")
    stopping = situation.family(Goal.STOPPED, "STOP_IN_PROGRESS")
    until(lambda: stopped(situation, stopping), "stopped")
    assert situation.read(TRAIN_JOB, trial_name(1))["spec"]["suspend"] is True
    assert situation.read(TRAIN_JOB, trial_name(2))["spec"]["suspend"] is False
    situation.see(stopping, Phase.RUNNING)
    situation.status(TRAIN_JOB, trial_name(1), {"conditions": [condition("Suspended")]})
    assert situation.see(stopping, Phase.STOPPED).detail["killedTrialCount"] == 1
    version = situation.read()["metadata"]["resourceVersion"]
    situation.driver.stop(stopping)
    assert situation.read()["metadata"]["resourceVersion"] == version


def stopped(situation: Situation, family: Family) -> bool:
    try:
        situation.driver.stop(family)
    except TemporaryEngineError:
        return False
    return True


def test_a_stop_does_not_overwrite_what_katib_writes_at_the_same_time(
    situation: Situation, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = situation.family()
    situation.driver.start(family)
    situation.see(family, Phase.PENDING)
    seen = situation.cache.get(KATIB_EXPERIMENT, situation.namespace, NAME)
    situation.status(KATIB_EXPERIMENT, NAME, {"conditions": [condition("Succeeded", "ExperimentGoalReached")]})
    # The cache has not heard of it yet.
    monkeypatch.setattr(situation.cache, "get", lambda *_: seen)
    with pytest.raises(TemporaryEngineError):
        situation.driver.stop(situation.family(Goal.STOPPED))
    (kept,) = situation.read()["status"]["conditions"]
    assert kept["reason"] == "ExperimentGoalReached"


def test_why_the_suggestion_service_refused_it_is_read_from_there(situation: Situation) -> None:
    family = situation.family()
    situation.driver.start(family)
    situation.create(KATIB_SUGGESTION, {"metadata": {"name": NAME}, "spec": {"requests": 1}})
    failed = condition("Failed", "SuggestionFailed", "unknown setting gamma")
    situation.status(KATIB_SUGGESTION, NAME, {"conditions": [failed]})
    status = {"conditions": [condition("Failed", "ExperimentFailed", "Suggestion has failed")]}
    situation.status(KATIB_EXPERIMENT, NAME, status)
    assert situation.see(family, Phase.FAILED).reason == "Suggestion has failed: unknown setting gamma"


def test_a_cleaned_up_tuning_waits_for_its_last_trainings(situation: Situation) -> None:
    family = situation.family(status="COMPLETE_IN_PROGRESS")
    situation.driver.start(family)
    situation.trial(1, "Running")
    situation.status(KATIB_EXPERIMENT, NAME, {"conditions": [condition("Succeeded", "ExperimentGoalReached")]})
    situation.known(TRAIN_JOB, 1)
    situation.see(family, Phase.SUCCEEDED)
    with pytest.raises(TemporaryEngineError, match="1 of its trainings"):
        situation.driver.release(family)
    situation.status(TRAIN_JOB, trial_name(1), {"conditions": [condition("Suspended")]})
    until(lambda: situation.driver.observe(family).detail["killedTrialCount"] == 1, "it has ended")
    situation.driver.release(family)
    gone = situation.family(Goal.ABSENT)
    until(lambda: situation.driver.remove(gone), "nothing is left")
    kinds = (KATIB_EXPERIMENT, KATIB_TRIAL, TRAIN_JOB, CONFIG_MAP)
    assert [situation.server.list(kind, situation.namespace, SELECTOR) for kind in kinds] == [[], [], [], []]
