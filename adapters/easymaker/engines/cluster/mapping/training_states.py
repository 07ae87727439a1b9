"""From a TrainJob and its pods to one observation. Pure.

The TrainJob's conditions say how it stands; its pods say why, and when it began and ended.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.bundles import applied_digest
from adapters.easymaker.engines.cluster.mapping import pods as pod_states
from adapters.easymaker.engines.cluster.mapping.pods import Ended
from adapters.easymaker.engines.cluster.mapping.training_jobs import NODE
from adapters.easymaker.kinds.record import Json
from kfp_components.easymaker.launcher.exit_codes import ExitCode

RANK = "batch.kubernetes.io/job-completion-index"
# What Katib's shell around a trial's launcher says last, when there are rules for early stopping.
_SHELLS_WORDS = frozenset({"Training Container was Failed"})
_SIGNALS = {137: "SIGKILL", 143: "SIGTERM", 139: "SIGSEGV"}


@dataclass(frozen=True)
class TrainingView:
    """What is seen of a training. ``job`` is None when the API server has none; ``nodes`` is how many it should have.

    ``wanted``: the user wants it to run, so that a suspension is not theirs.
    """

    job: Json | None
    pods: Sequence[Json]
    nodes: int
    wanted: bool


def observe(view: TrainingView) -> Observation:
    """MISSING also while it is not there whole: start() completes it."""
    job = view.job
    if job is None or applied_digest(job) is None:
        return Observation(Phase.MISSING)
    return follow(view, job)


def follow(view: TrainingView, job: Json) -> Observation:
    """Of a TrainJob that is there as it is meant to be."""
    current = _current(view.pods)
    if pod_states.holds(job, "Complete"):
        return Observation(Phase.SUCCEEDED, detail=_times(view, current))
    if pod_states.holds(job, "Failed"):
        return _failed(view, current)
    if "deletionTimestamp" in job["metadata"]:
        return Observation(Phase.FAILED, "the TrainJob was deleted on the cluster", _times(view, current, over=True))
    if suspended(job):
        return _suspended(view, current)
    return _active(view, current)


def suspended(job: Json) -> bool:
    return bool((job.get("spec") or {}).get("suspend"))


def finished(job: Json) -> bool:
    return pod_states.holds(job, "Complete") or pod_states.holds(job, "Failed")


def interrupted(view: TrainingView) -> bool:
    """Whether a failure was the platform's doing: nothing of the training itself failed."""
    if view.job is None or not pod_states.holds(view.job, "Failed"):
        return False
    causes = [pod for pod in view.pods if pod_states.phase(pod) == "Failed"]
    return bool(causes) and _first_failure(causes) is None and any(map(pod_states.disruption, causes))


def rank_of(pod: Json) -> int:
    """The node's number within the training; -1 where the pod does not say."""
    text = (pod["metadata"].get("labels") or {}).get(RANK, "")
    return int(text) if text.isdigit() else -1


def current_pod(pods: Sequence[Json], rank: int) -> Json | None:
    """The pod that is, or was last, this node."""
    return next((pod for pod in _current(pods) if rank_of(pod) == rank), None)


def _current(pods: Sequence[Json]) -> list[Json]:
    """The last pod of each node: one that a node has lost is replaced by another."""
    latest: dict[int, Json] = {}
    for pod in sorted(pods, key=lambda each: each["metadata"].get("creationTimestamp") or ""):
        latest[rank_of(pod)] = pod
    return [latest[rank] for rank in sorted(latest)]


def _suspended(view: TrainingView, current: Sequence[Json]) -> Observation:
    going = [pod for pod in view.pods if not pod_states.ended(pod)]
    if view.wanted:
        reason = "suspended on the cluster, as by a queue; it goes on when it is admitted"
        return Observation(Phase.PENDING, reason, _times(view, current))
    if going or not pod_states.holds(view.job or {}, "Suspended"):
        return Observation(Phase.RUNNING, "checkpoints are being kept", _times(view, current))
    return Observation(Phase.STOPPED, "stopped", _times(view, current, over=True))


def _active(view: TrainingView, current: Sequence[Json]) -> Observation:
    detail = _times(view, current)
    trouble = pod_states.first_reason(current)
    if trouble is not None:
        phase = Phase.FAILED if trouble.hopeless else Phase.PENDING
        return Observation(phase, trouble.reason, detail)
    lost = next((reason for reason in map(pod_states.disruption, current) if reason), None)
    if lost is not None:
        return Observation(Phase.PENDING, f"a pod is being replaced: {lost}", detail)
    if len(current) < view.nodes:
        return Observation(Phase.PENDING, "its pods are being created", detail)
    if any(not pod_states.runs(pod, NODE) and not pod_states.ended(pod) for pod in current):
        return Observation(Phase.PENDING, "its pods are starting: the image is pulled, volumes are mounted", detail)
    return Observation(Phase.RUNNING, detail=detail)


def _failed(view: TrainingView, current: Sequence[Json]) -> Observation:
    detail = _times(view, current)
    if interrupted(view):
        return Observation(Phase.INTERRUPTED, "interrupted by the platform; it starts again", detail)
    condition = pod_states.condition_of(view.job or {}, "Failed") or {}
    if condition.get("reason") == "DeadlineExceeded":
        told = "it was not done within its time limit and the week beyond it for waiting and uploads"
        return Observation(Phase.FAILED, told, detail)
    failed = [pod for pod in view.pods if pod_states.phase(pod) == "Failed"]
    first = _first_failure(failed)
    if first is not None:
        return Observation(Phase.FAILED, _at(view, _why(*first), rank_of(first[0])), detail)
    told = pod_states.one_line(condition.get("message") or condition.get("reason") or "the TrainJob failed")
    ends = [pod_states.container_end(pod, NODE) for pod in failed]
    if any(end is not None and end.exit_code == ExitCode.STOPPED for end in ends):
        told = f"its pod was ended by somebody else on the cluster: {told}"
    return Observation(Phase.FAILED, told, detail)


def _first_failure(failed: Sequence[Json]) -> tuple[Json, Ended | None] | None:
    """The pod whose failure brought the others down: the first that was not merely told to end."""
    ends = [(pod, pod_states.container_end(pod, NODE)) for pod in failed if pod_states.disruption(pod) is None]
    own = [(pod, end) for pod, end in ends if end is None or end.exit_code not in (0, ExitCode.STOPPED)]
    return min(own, key=lambda each: (each[1].finished_at if each[1] else None) or math.inf, default=None)


def _why(pod: Json, end: Ended | None) -> str:
    evicted = pod_states.one_line((pod.get("status") or {}).get("message") or "")
    if (pod.get("status") or {}).get("reason") == "Evicted" or end is None:
        return evicted or "its pod failed before it could start"
    if end.reason == "OOMKilled":
        return "the memory of the flavor was not enough (OOMKilled)"
    lines = [line.strip() for line in end.message.splitlines() if line.strip()]
    if end.exit_code in set(ExitCode):
        # The launcher's last line is one sentence that says how it ended.
        return pod_states.one_line(lines[-1]) if lines else ExitCode(end.exit_code).name
    if lines and lines[-1] in _SHELLS_WORDS and lines[:-1]:
        # The shell's exit code stands for the launcher's, whose sentence came before.
        return pod_states.one_line(lines[-2])
    by_signal = f" ({_SIGNALS[end.exit_code]})" if end.exit_code in _SIGNALS else ""
    told = f": {pod_states.one_line(lines[-1])}" if lines else ""
    return f"the launcher ended with exit code {end.exit_code}{by_signal}{told}"


def _at(view: TrainingView, reason: str, rank: int) -> str:
    """Which of several nodes it is about."""
    return f"node {rank}: {reason}" if view.nodes > 1 and rank >= 0 else reason


def _times(view: TrainingView, current: Sequence[Json], over: bool = False) -> dict[str, object]:
    """When the work began and ended, as far as pods tell. A start that is not known does not replace one that was."""
    starts = [time for time in (pod_states.started_at(pod, NODE) for pod in current) if time is not None]
    ends = [pod_states.container_end(pod, NODE) for pod in current]
    finished_at = [end.finished_at for end in ends if end is not None and end.finished_at is not None]
    times: dict[str, object] = {"startedAt": min(starts)} if starts else {}
    job = view.job
    if job is not None and (over or finished(job) or len(finished_at) == view.nodes):
        last = max(finished_at, default=None) or _ended_at(job)
        return times | ({"finishedAt": last} if last is not None else {})
    return times | {"finishedAt": None}


def _ended_at(job: Json) -> float | None:
    """By the TrainJob itself, when its pods are not there any more."""
    for kind in ("Complete", "Failed", "Suspended"):
        if pod_states.holds(job, kind):
            return pod_states.seconds((pod_states.condition_of(job, kind) or {}).get("lastTransitionTime"))
    return pod_states.seconds(job["metadata"].get("deletionTimestamp"))
