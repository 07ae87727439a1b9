"""What a pod's status says: why it does not run, when its containers began and ended, and how. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from adapters.easymaker.kinds.record import Json

LONGEST_REASON = 500
# No later attempt can mend these: something that was asked for is malformed.
_HOPELESS = frozenset({"InvalidImageName"})
_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "InvalidImageName"})
# Waiting reasons that are the usual course of things.
_USUAL = frozenset({"ContainerCreating", "PodInitializing"})
_DISRUPTION = {
    "PreemptionByScheduler": "it was preempted by a more important pod",
    "DeletionByTaintManager": "its node does not bear it any more",
    "EvictionByEvictionAPI": "it was evicted, as by a node that is being drained",
    "DeletionByPodGC": "its node is gone",
    "TerminationByKubelet": "its node had to end it (a shutdown, or resources that ran short)",
}


@dataclass(frozen=True)
class Waiting:
    """Why a pod does not run yet; ``hopeless`` when it never can."""

    reason: str
    hopeless: bool = False


@dataclass(frozen=True)
class Ended:
    """How a container ended. ``message`` is its termination message, or the end of its log."""

    exit_code: int
    reason: str
    message: str
    started_at: float | None
    finished_at: float | None


def phase(pod: Json) -> str:
    return (pod.get("status") or {}).get("phase") or "Pending"


def ended(pod: Json) -> bool:
    """Whether none of its containers runs or ever will again."""
    return phase(pod) in ("Succeeded", "Failed")


def waiting(pod: Json) -> Waiting | None:
    """Why it does not run; None where it does, has ended, or nothing is wrong with it yet."""
    if phase(pod) != "Pending":
        return None
    for status in _container_statuses(pod):
        found = _container_waiting(status)
        if found is not None:
            return found
    return _unscheduled(pod)


def container_end(pod: Json, container: str) -> Ended | None:
    """How this container ended; None as long as it has not."""
    state = _state(pod, container).get("terminated")
    if not state:
        return None
    return Ended(
        exit_code=int(state.get("exitCode") or 0),
        reason=state.get("reason") or "",
        message=state.get("message") or "",
        started_at=seconds(state.get("startedAt")),
        finished_at=seconds(state.get("finishedAt")),
    )


def started_at(pod: Json, container: str) -> float | None:
    state = _state(pod, container)
    return seconds((state.get("running") or state.get("terminated") or {}).get("startedAt"))


def runs(pod: Json, container: str) -> bool:
    return bool(_state(pod, container).get("running"))


def disruption(pod: Json) -> str | None:
    """Why the platform itself ended this pod, as a sentence; None where it did not."""
    condition = condition_of(pod, "DisruptionTarget")
    if condition is None or condition.get("status") != "True":
        return None
    return _DISRUPTION.get(condition.get("reason", ""), "the platform ended it")


def condition_of(obj: Json, kind: str) -> Json | None:
    """The status condition of this type."""
    found = (obj.get("status") or {}).get("conditions") or []
    return next((condition for condition in found if condition.get("type") == kind), None)


def holds(obj: Json, kind: str) -> bool:
    condition = condition_of(obj, kind)
    return condition is not None and condition.get("status") == "True"


def seconds(time: str | None) -> float | None:
    """A Kubernetes time in seconds since 1970."""
    return datetime.fromisoformat(time).timestamp() if time else None


def first_reason(pods: Iterable[Json]) -> Waiting | None:
    """What keeps these pods from running: a hopeless reason before one that may pass."""
    found = [reason for reason in map(waiting, pods) if reason is not None]
    return next((reason for reason in found if reason.hopeless), found[0] if found else None)


def one_line(text: str) -> str:
    """Programs and users have a say in messages: none may send a terminal sequence or forge a line of a log."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:LONGEST_REASON]


def _container_statuses(pod: Json) -> list[Json]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _state(pod: Json, container: str) -> Json:
    found = (each for each in _container_statuses(pod) if each.get("name") == container)
    return next(found, {}).get("state") or {}


def _container_waiting(status: Json) -> Waiting | None:
    state = (status.get("state") or {}).get("waiting") or {}
    reason = state.get("reason") or ""
    if not reason or reason in _USUAL:
        return None
    told = one_line(state.get("message") or "")
    if reason in _PULL:
        text = f"the image {status.get('image', '')} cannot be pulled ({reason})"
    else:
        text = f"the container {status.get('name', '')} cannot start ({reason})"
    return Waiting(one_line(f"{text}: {told}" if told else text), reason in _HOPELESS)


def _unscheduled(pod: Json) -> Waiting | None:
    condition = condition_of(pod, "PodScheduled")
    if condition is None or condition.get("status") != "False":
        return None
    told = one_line(condition.get("message") or condition.get("reason") or "no node takes it")
    return Waiting(one_line(f"the pod cannot be scheduled: {told}"))
