"""Objects as controllers leave them: statuses of TrainJobs and pods, for tests."""

from typing import Any

from adapters.easymaker.engines.cluster.names import APPLIED, RESOURCE_ID
from adapters.easymaker.kinds.record import Json
from tests.adapters.easymaker.engines.cluster.training_samples import TRAINING_ID

BEGAN = "2026-01-01T10:00:00Z"
ENDED = "2026-01-01T10:05:00Z"
LATER = "2026-01-01T10:05:09Z"
# The same in seconds.
BEGAN_SECONDS, ENDED_SECONDS, LATER_SECONDS = 1767261600.0, 1767261900.0, 1767261909.0


def condition(kind: str, reason: str = "", message: str = "as the test says", status: str = "True") -> Json:
    return {"type": kind, "status": status, "reason": reason or kind, "message": message, "lastTransitionTime": LATER}


def train_job(*conditions: Json, suspend: bool = False, applied: bool = True, **metadata: Any) -> Json:
    """As the cache holds it."""
    annotations = {APPLIED: "a digest"} if applied else {}
    return {
        "metadata": {"name": "job", "uid": "1", "annotations": annotations} | metadata,
        "spec": {"suspend": suspend},
        "status": {"conditions": list(conditions)},
    }


def pod(phase: str, rank: int = 0, created: str = BEGAN, **status: Any) -> Json:
    labels = {RESOURCE_ID: TRAINING_ID, "batch.kubernetes.io/job-completion-index": str(rank)}
    name = f"job-node-0-{rank}-{created[-3:-1]}"
    return {
        "metadata": {"name": name, "labels": labels, "creationTimestamp": created},
        "status": {"phase": phase} | status,
    }


def _container(state: Json, image: str = "team/train:1") -> list[Json]:
    return [{"name": "node", "image": image, "state": state}]


def running(rank: int = 0, **more: Any) -> Json:
    return pod("Running", rank, containerStatuses=_container({"running": {"startedAt": BEGAN}}), **more)


def waits(reason: str, message: str = "") -> Json:
    return pod("Pending", containerStatuses=_container({"waiting": {"reason": reason, "message": message}}))


def ended(
    exit_code: int, message: str = "", rank: int = 0, reason: str = "Error", at: str = ENDED, **more: Any
) -> Json:
    terminated = {"exitCode": exit_code, "reason": reason, "message": message, "startedAt": BEGAN, "finishedAt": at}
    phase = "Succeeded" if exit_code == 0 else "Failed"
    return pod(phase, rank, containerStatuses=_container({"terminated": terminated}), **more)


def unschedulable(message: str) -> Json:
    return pod("Pending", conditions=[condition("PodScheduled", "Unschedulable", message, "False")])


def disrupted(reason: str = "EvictionByEvictionAPI", exit_code: int = 86, **more: Any) -> Json:
    return ended(exit_code, conditions=[condition("DisruptionTarget", reason)], **more)
