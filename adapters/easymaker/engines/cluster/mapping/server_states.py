"""From an InferenceService and its pods to one observation. Pure.

KServe's conditions say whether the model is served; the pods say how many of them answer, and what is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.bundles import applied_digest
from adapters.easymaker.engines.cluster.mapping import pods as pod_states
from adapters.easymaker.engines.cluster.mapping.pods import condition_of, holds, one_line
from adapters.easymaker.kinds.record import Json
from kserve_runtimes.storage.exit_codes import ExitCode

SERVER = "kserve-container"
STORAGE = "storage-initializer"
# So often a server is started again before it counts as one that cannot run.
MOST_RESTARTS = 5
READY = "PredictorReady"
# A condition that is false for no more reason than that pods are starting.
_STARTING = frozenset({"", "MinimumReplicasUnavailable"})
# What the storage container cannot mend by being started again.
_NO_ARTIFACT = frozenset({ExitCode.INVALID, ExitCode.NOT_FOUND, ExitCode.DENIED})


@dataclass(frozen=True)
class ServerView:
    """What is seen of a stage resource. ``service`` is None when the API server has none.

    ``digest`` is that of what it should be; None when that cannot be told any more. ``pods_wanted`` is the least number
    of pods; ``hopeless`` the exit codes with which its server cannot be started with this artifact.
    """

    service: Json | None
    pods: Sequence[Json]
    digest: str | None
    pods_wanted: int
    hopeless: frozenset[int]


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not answer; ``lasting`` when starting it again would not help."""

    sentence: str
    lasting: bool = False


def observe(view: ServerView) -> Observation:
    service = view.service
    if service is None:
        return Observation(Phase.MISSING)
    current = [pod for pod in view.pods if _counts(pod)]
    ready = sum(holds(pod, "Ready") for pod in current)
    detail = {"readyPods": ready, "pods": len(current)}
    if "deletionTimestamp" in service["metadata"]:
        return Observation(Phase.PENDING, "an earlier InferenceService of it is being removed", detail)
    if view.digest is not None and applied_digest(service) != view.digest:
        return Observation(Phase.PENDING, "the InferenceService is being brought up to date", detail)
    if holds(service, READY) and ready >= view.pods_wanted:
        return Observation(Phase.RUNNING, "", detail)
    found = [trouble for trouble in (trouble_of(pod, view.hopeless) for pod in current) if trouble is not None]
    worst = next((each for each in found if each.lasting), found[0] if found else None)
    trouble = worst or _refused(service, bool(current))
    if trouble is None:
        return Observation(Phase.PENDING, _progress(service, ready, current, view.pods_wanted), detail)
    # As long as one pod answers, nobody has given up.
    phase = Phase.FAILED if trouble.lasting and not ready else Phase.PENDING
    return Observation(phase, trouble.sentence, detail)


def trouble_of(pod: Json, hopeless: frozenset[int]) -> Trouble | None:
    """Why this pod does not answer; None while nothing is wrong with it."""
    if holds(pod, "Ready"):
        return None
    for status in _statuses(pod):
        found = _ended(status, hopeless)
        if found is not None:
            return found
    waiting = pod_states.waiting(pod)
    return None if waiting is None else Trouble(waiting.reason, waiting.hopeless)


def _ended(status: Json, hopeless: frozenset[int]) -> Trouble | None:
    """What its last end says about a container that is not simply running."""
    end = _last_end(status)
    if end is None or not end.get("exitCode"):
        return None
    code, restarts = int(end["exitCode"]), int(status.get("restartCount") or 0)
    said = _last_line(end.get("message") or "")
    if status["name"] == STORAGE:
        told = f"the model cannot be downloaded: {said}" if said else f"the download of the model ended with {code}"
        return Trouble(one_line(told), code in _NO_ARTIFACT or restarts >= MOST_RESTARTS)
    if end.get("reason") == "OOMKilled":
        sentence = "the memory of its share is not enough for the model server (OOMKilled)"
        return Trouble(_again(sentence, restarts), restarts >= MOST_RESTARTS)
    if status["name"] == SERVER and code in hopeless:
        return Trouble(one_line(said or "the model could not be loaded"), lasting=True)
    told = f"the container {status['name']} ended with exit code {code}{': ' if said else ''}{said}"
    return Trouble(_again(told, restarts), restarts >= MOST_RESTARTS)


def _again(sentence: str, restarts: int) -> str:
    times = f", {restarts} times by now" if restarts > 1 else ""
    return one_line(f"{sentence}{times}") if restarts >= MOST_RESTARTS else one_line(f"{sentence}{times}; starts again")


def _last_end(status: Json) -> Json | None:
    """A container that runs again has ended before; whether that matters shows when it is ready."""
    state = status.get("state") or {}
    return state.get("terminated") or (status.get("lastState") or {}).get("terminated")


def _statuses(pod: Json) -> list[Json]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _last_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _counts(pod: Json) -> bool:
    """Neither on its way out nor an ended one that has been replaced."""
    return "deletionTimestamp" not in pod["metadata"] and not pod_states.ended(pod)


def _refused(service: Json, has_pods: bool) -> Trouble | None:
    """What KServe finds wrong before there is a pod, or when it has taken them away."""
    model: Json = (service.get("status") or {}).get("modelStatus") or {}
    info: Json = model.get("lastFailureInfo") or {}
    transition = model.get("transitionStatus")
    # A failed load is an old story as long as pods are there that try again.
    if transition == "InvalidSpec" or (transition == "BlockedByFailedLoad" and not has_pods):
        told = info.get("message") or _condition_message(service) or "KServe does not say why"
        reason = info.get("reason") or transition
        return Trouble(one_line(f"KServe cannot serve the model ({reason}): {_last_line(told)}"), lasting=True)
    condition = condition_of(service, READY) or {}
    usual = condition.get("status") != "False" or condition.get("reason", "") in _STARTING
    return None if usual else Trouble(one_line(f"the model server cannot be set up: {_condition_message(service)}"))


def _condition_message(service: Json) -> str:
    for name in (READY, "Ready"):
        message = (condition_of(service, name) or {}).get("message")
        if message:
            return message
    return ""


def _progress(service: Json, ready: int, current: Sequence[Json], wanted: int) -> str:
    if not current:
        return "its pods are being created"
    if ready < wanted:
        return f"{ready} of {max(wanted, len(current))} model servers are ready"
    message = _condition_message(service)
    return one_line(f"KServe is not done yet: {message}" if message else "KServe is not done yet")
