"""Trainings on a cluster: one TrainJob each, whose pods run the launcher."""

import time
from dataclasses import replace

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import CONFIG_MAP, POD, TRAIN_JOB, VOLUME_CLAIM
from adapters.easymaker.engines.cluster.bundles import applied_digest
from adapters.easymaker.engines.cluster.mapping import training_states
from adapters.easymaker.engines.cluster.mapping.training_jobs import TrainingSite, training_bundle
from adapters.easymaker.engines.cluster.mapping.training_states import TrainingView
from adapters.easymaker.engines.cluster.mapping.training_volumes import data_claim_name
from adapters.easymaker.engines.cluster.names import RESOURCE_ID, namespace_of, object_name
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pod_logs import read_pod_log
from adapters.easymaker.engines.launching import node_count
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds import training
from adapters.easymaker.kinds.record import Family, Goal, Json, Record

KINDS = (TRAIN_JOB, CONFIG_MAP, VOLUME_CLAIM)
SUSPEND: Json = {"spec": {"suspend": True}}
CLEARING_SECONDS = 1.0
LIMITS = {
    "cpu": "limit of the pod's container",
    "memory": "limit of the pod's container",
    "disk": "volume of the data storage size, or the size limit of the pod's own volume",
    "time": "SIGTERM, then SIGKILL after the grace period",
    "sandbox": "container without privileges",
}


class TrainingDriver:
    def __init__(self, parts: ClusterParts) -> None:
        self._server = parts.server
        self._cache = parts.cache
        self._applier = parts.applier
        self._recheck = parts.cluster.resync_seconds
        self._site = TrainingSite(parts.catalogue, parts.cluster, parts.settings.region)

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            # Also when the TrainJob is gone, something of it may be left: remove() looks.
            return Observation(Phase.STOPPED)
        seen = training_states.observe(self._view(record, self._known(record)))
        detail = seen.detail | {"limits": LIMITS}
        if seen.phase is Phase.MISSING and record.status == training.LIFECYCLE.up:
            detail |= {"finishedAt": time.time()}
        return replace(seen, detail=detail, recheck=self._recheck)

    def start(self, family: Family) -> None:
        record = family.record
        known = self._known(record)
        if known is not None and training_states.interrupted(self._view(record, known)):
            known = self._clear_interruption(record)
        if known is not None and "deletionTimestamp" in known["metadata"]:
            raise TemporaryEngineError("the training's earlier TrainJob is being removed", CLEARING_SECONDS)
        if known is not None and applied_digest(known) is not None:
            return
        self._require_fresh_volume(record)
        self._applier.apply(training_bundle(record, self._site), known)

    def stop(self, family: Family) -> None:
        """Suspended, its pods are asked to end: the launcher then has the grace period to keep checkpoints."""
        job = self._known(family.record)
        if job is None or training_states.finished(job) or training_states.suspended(job):
            return
        self._server.patch(TRAIN_JOB, *_key(family.record), SUSPEND)

    def release(self, family: Family) -> None:
        """The data storage goes; the ended pods with their logs stay. A job that never got to its end is suspended."""
        self.stop(family)
        if family.record.spec.get("dataStorageSize") and node_count(family.record) == 1:
            self._server.delete(VOLUME_CLAIM, namespace_of(family.record.appkey), data_claim_name(family.record))

    def remove(self, family: Family) -> bool:
        return self._remove(family.record)

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        """The log of the first node. It goes with its pod, as after a stop."""
        record = family.record
        growing = record.status not in training.LIFECYCLE.settled
        pod = training_states.current_pod(self._cache.of(POD, record.id), 0)
        return read_pod_log(self._server, pod, (offset, limit), growing)

    def _known(self, record: Record) -> Json | None:
        return self._cache.get(TRAIN_JOB, *_key(record))

    def _view(self, record: Record, job: Json | None) -> TrainingView:
        pods = self._cache.of(POD, record.id)
        return TrainingView(job, pods, node_count(record), wanted=record.goal is Goal.PRESENT)

    def _remove(self, record: Record) -> bool:
        return self._applier.remove(namespace_of(record.appkey), f"{RESOURCE_ID}={record.id}", KINDS)

    def _clear_interruption(self, record: Record) -> Json | None:
        """Make room for a new run. What the cache shows may be older than a run that has begun since: look."""
        job = self._server.read(TRAIN_JOB, *_key(record))
        if job is None or not training_states.finished(job):
            return job
        if not self._remove(record):
            raise TemporaryEngineError("what the interruption left is being removed", CLEARING_SECONDS)
        return None

    def _require_fresh_volume(self, record: Record) -> None:
        """A claim that is being deleted cannot be used again, though applying it would succeed."""
        if not record.spec.get("dataStorageSize") or node_count(record) > 1:
            return
        claim = self._server.read(VOLUME_CLAIM, namespace_of(record.appkey), data_claim_name(record))
        if claim is not None and "deletionTimestamp" in claim["metadata"]:
            raise TemporaryEngineError("the data storage of an earlier run is being removed", CLEARING_SECONDS)


def _key(record: Record) -> tuple[str, str]:
    return namespace_of(record.appkey), object_name(record.id)
