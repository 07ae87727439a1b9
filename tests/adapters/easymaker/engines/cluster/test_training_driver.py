"""Trainings through their driver over a real API server; the test plays the Trainer and JobSet, which set statuses."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.easymaker.catalogue import load
from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import CONFIG_MAP, POD, TRAIN_JOB, VOLUME_CLAIM, ApiResource
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.bundles import Applier, applied_digest
from adapters.easymaker.engines.cluster.informers import Cache
from adapters.easymaker.engines.cluster.mapping.training_jobs import training_bundle
from adapters.easymaker.engines.cluster.names import MANAGED_BY, MANAGER, RESOURCE_ID
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.trainings import TrainingDriver
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from adapters.easymaker.settings import Settings
from tests.adapters.easymaker.engines.cluster import kubernetes_states as states
from tests.adapters.easymaker.engines.cluster import training_samples as samples
from tests.adapters.easymaker.engines.cluster.waiting import until
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fixtures import LoadCrds

JOB = f"em-{samples.TRAINING_ID}"
MERGE = {"Content-Type": "application/merge-patch+json"}
SELECTOR = f"{RESOURCE_ID}={samples.TRAINING_ID}"
FAILED = states.condition("Failed", "FailedJobs", "a Job failed")


class Situation:
    """A training in a namespace of its own, and what the controllers would do for it."""

    def __init__(self, server: ApiServer, admin: ApiServerProcess, namespace: str, cache: Cache) -> None:
        self.server = server
        self.namespace = namespace
        self._admin = admin
        self._cache = cache
        parts = ClusterParts(server, cache, Applier(server), load(), Settings(), samples.cluster_settings())
        self.driver = TrainingDriver(parts)

    def family(self, goal: Goal = Goal.PRESENT, status: str = "CREATE_IN_PROGRESS", **spec: Any) -> Family:
        values = {"appkey": self.namespace, "goal": goal, "status": status}
        return Family(samples.training(values, **spec))

    def there(self, resource: ApiResource) -> list[Json]:
        return self.server.list(resource, self.namespace, SELECTOR)

    def known(self) -> bool:
        """Whether the cache has followed."""
        return any(each.objects for each in self._cache.states() if each.resource == TRAIN_JOB.plural)

    def job(self) -> Json:
        found = self.server.read(TRAIN_JOB, self.namespace, JOB)
        assert found is not None
        return found

    def conditions(self, *conditions: Json) -> None:
        self._set_status(TRAIN_JOB, JOB, {"conditions": list(conditions)})

    def pod(self, like: Json) -> None:
        """What ``like`` says of a pod, as an object on the server."""
        name = like["metadata"]["name"]
        manifest = {
            "metadata": {"name": name, "labels": like["metadata"]["labels"] | {MANAGED_BY: MANAGER}},
            "spec": {"containers": [{"name": "node", "image": "team/train:1"}]},
        }
        self._admin.request("POST", POD.path(self.namespace), manifest).raise_for_status()
        self._set_status(POD, name, like["status"])

    def see(self, family: Family, phase: Phase) -> Observation:
        """The observation once it is of this phase: the cache follows within moments."""
        return until(lambda: seen if (seen := self.driver.observe(family)).phase is phase else None, phase)

    def _set_status(self, resource: ApiResource, name: str, status: Json) -> None:
        path = resource.path(self.namespace, name, "status")
        answer = self._admin.request("PATCH", path, {"status": status}, headers=MERGE)
        assert answer.is_success, answer.text


@pytest.fixture
def situation(server: ApiServer, api_server: ApiServerProcess, namespace: str, crds: LoadCrds) -> Iterator[Situation]:
    crds({"trainjobs"})
    cache = Cache(server, [TRAIN_JOB, POD], [namespace], lambda _: None)
    cache.start()
    until(lambda: all(state.synced for state in cache.states()), "the first lists")
    yield Situation(server, api_server, namespace, cache)
    cache.stop()


def test_a_training_from_nothing_to_done_and_gone(situation: Situation) -> None:
    family = situation.family(dataStorageSize=300)
    assert situation.driver.observe(family).phase is Phase.MISSING
    situation.driver.start(family)
    situation.see(family, Phase.PENDING)
    assert [len(situation.there(kind)) for kind in (TRAIN_JOB, CONFIG_MAP, VOLUME_CLAIM)] == [1, 1, 1]
    assert situation.job()["spec"]["suspend"] is False
    situation.pod(states.running())
    assert situation.see(family, Phase.RUNNING).detail["startedAt"] == states.BEGAN_SECONDS
    situation.conditions(states.condition("Complete"))
    situation.see(family, Phase.SUCCEEDED)
    situation.driver.release(family)
    assert situation.there(VOLUME_CLAIM) == []
    assert situation.job()["spec"]["suspend"] is False
    gone = situation.family(Goal.ABSENT, dataStorageSize=300)
    assert situation.driver.observe(gone).phase is not Phase.MISSING
    until(lambda: situation.driver.remove(gone), "nothing is left")
    assert [situation.there(kind) for kind in (TRAIN_JOB, CONFIG_MAP, VOLUME_CLAIM)] == [[], [], []]


def test_what_belongs_to_a_training_goes_with_its_train_job(situation: Situation) -> None:
    situation.driver.start(situation.family(dataStorageSize=300))
    owners = {obj["metadata"]["ownerReferences"][0]["uid"] for obj in situation.there(CONFIG_MAP)}
    owners |= {obj["metadata"]["ownerReferences"][0]["uid"] for obj in situation.there(VOLUME_CLAIM)}
    assert owners == {situation.job()["metadata"]["uid"]}


def test_starting_again_changes_nothing(situation: Situation) -> None:
    family = situation.family()
    situation.driver.start(family)
    before = situation.job()["metadata"]
    situation.see(family, Phase.PENDING)
    renamed = Family(replace(family.record, name="another name"))
    situation.driver.start(renamed)
    after = situation.job()["metadata"]
    assert (before["uid"], before["resourceVersion"]) == (after["uid"], after["resourceVersion"])


def test_one_that_was_left_half_made_is_completed(situation: Situation) -> None:
    family = situation.family()
    owner = training_bundle(family.record, samples.site()).owner
    owner["spec"]["suspend"] = True
    situation.server.apply(owner)
    until(situation.known, "the cache follows")
    assert situation.driver.observe(family).phase is Phase.MISSING
    situation.driver.start(family)
    job = situation.job()
    assert (applied_digest(job) is not None, job["spec"]["suspend"]) == (True, False)
    assert len(situation.there(CONFIG_MAP)) == 1


def test_a_stop_suspends_and_is_done_when_the_pods_have_ended(situation: Situation) -> None:
    family = situation.family(Goal.STOPPED, "STOP_IN_PROGRESS")
    situation.driver.start(family)
    situation.pod(states.running())
    situation.see(family, Phase.RUNNING)
    situation.driver.stop(family)
    assert situation.job()["spec"]["suspend"] is True
    situation.conditions(states.condition("Suspended"))
    # Its launcher keeps checkpoints: the Trainer's word for it comes first.
    until(lambda: situation.driver.observe(family).reason == "checkpoints are being kept", "seen as suspended")
    situation.driver.stop(family)
    situation.server.delete(POD, situation.namespace, states.running()["metadata"]["name"])
    assert situation.see(family, Phase.STOPPED).detail["finishedAt"] == states.LATER_SECONDS


def test_a_stop_of_what_is_missing_or_has_ended_is_done(situation: Situation) -> None:
    family = situation.family(Goal.STOPPED)
    situation.driver.stop(family)
    situation.driver.release(family)
    situation.driver.start(family)
    situation.conditions(states.condition("Complete"))
    situation.see(family, Phase.SUCCEEDED)
    situation.driver.stop(family)
    assert situation.job()["spec"]["suspend"] is False


def test_what_never_ran_is_not_left_waiting_for_its_image(situation: Situation) -> None:
    family = situation.family()
    situation.driver.start(family)
    situation.pod(states.waits("InvalidImageName"))
    assert "InvalidImageName" in situation.see(family, Phase.FAILED).reason
    situation.driver.release(family)
    assert situation.job()["spec"]["suspend"] is True


def test_an_interrupted_training_begins_anew_once_and_whole(situation: Situation) -> None:
    family = situation.family(dataStorageSize=300)
    situation.driver.start(family)
    first = situation.job()["metadata"]["uid"]
    situation.pod(states.disrupted())
    situation.conditions(FAILED)
    situation.see(family, Phase.INTERRUPTED)

    def started() -> bool:
        try:
            situation.driver.start(family)
        except TemporaryEngineError:
            return False
        return True

    until(started, "the new run")
    second = situation.job()["metadata"]["uid"]
    assert second != first
    # Also when the cache still shows the old one, the new one is not taken for it.
    situation.driver.start(family)
    assert situation.job()["metadata"]["uid"] == second
    assert len(situation.there(VOLUME_CLAIM)) == 1


def test_a_job_that_is_gone_has_an_end(situation: Situation) -> None:
    """Otherwise its time would go on."""
    seen = situation.driver.observe(situation.family(status="RUNNING"))
    assert seen.phase is Phase.MISSING
    assert seen.detail["finishedAt"] > states.BEGAN_SECONDS


def test_a_log_without_a_pod_is_empty(situation: Situation) -> None:
    running: Record = situation.family(status="RUNNING").record
    assert situation.driver.read_log(Family(running), 0, 100) == (b"", True)
    ended = replace(running, status="STOPPED")
    assert situation.driver.read_log(Family(ended), 0, 100) == (b"", False)
