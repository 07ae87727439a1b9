"""What Kubeflow Pipelines says of a run, as the loop and users understand it. Pure."""

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.mapping.pipeline_run_graphs import ENDED, failed_steps
from adapters.easymaker.engines.cluster.mapping.pipeline_times import seconds
from adapters.easymaker.engines.cluster.mapping.pods import one_line
from adapters.easymaker.kinds.record import Json

UNKNOWN = "RUNTIME_STATE_UNSPECIFIED"
# What can still be terminated.
ACTIVE = frozenset({"PENDING", "RUNNING", "PAUSED", UNKNOWN})
PHASES = {
    "RUNNING": Phase.RUNNING,
    "PAUSED": Phase.RUNNING,
    "CANCELING": Phase.RUNNING,
    "SUCCEEDED": Phase.SUCCEEDED,
    "SKIPPED": Phase.SUCCEEDED,
    "FAILED": Phase.FAILED,
    "CANCELED": Phase.STOPPED,
}
MOST_NAMED = 3
LIMITS = {
    "cpu": "limit of the step's container",
    "memory": "limit of the step's container",
    "disk": "not limited: Kubeflow Pipelines has no setting for it",
    "instances": "not limited: Kubeflow Pipelines starts every step that can run",
    "sandbox": "container",
}


def state_of(run: Json) -> str:
    return run.get("state") or UNKNOWN


def observe(run: Json, last_words: str = "") -> Observation:
    """``last_words`` are those of the container that has failed, where there are any."""
    state = state_of(run)
    detail: Json = {"limits": LIMITS}
    if (began := _started_at(run, state)) is not None:
        detail["startedAt"] = began
    if state in ENDED:
        detail["finishedAt"] = _finished_at(run)
    return Observation(PHASES.get(state, Phase.PENDING), _reason(run, state, last_words), detail)


def _reason(run: Json, state: str, last_words: str) -> str:
    if state == "CANCELED":
        return "the run was terminated in Kubeflow Pipelines"
    if state != "FAILED":
        return ""
    told = one_line(str((run.get("error") or {}).get("message") or "")) or last_words
    names = failed_steps(run)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    what = f"step {', '.join(names[:MOST_NAMED])}{more} failed" if names else "the run failed in Kubeflow Pipelines"
    return f"{what}: {told}" if told else what


def _started_at(run: Json, state: str) -> float | None:
    """When it first ran; a run that has ended between two looks began when it was made."""
    for entry in run.get("state_history") or []:
        if entry.get("state") == "RUNNING":
            return seconds(entry.get("update_time"))
    return None if state in ("PENDING", UNKNOWN) else seconds(run.get("created_at"))


def _finished_at(run: Json) -> float | None:
    history = run.get("state_history") or [{}]
    return seconds(run.get("finished_at")) or seconds(history[-1].get("update_time"))
