"""From an Experiment and its trials to one observation of a tuning. Pure.

Katib's conditions say whether it is over and why; how its trials are doing is counted anew, since the ones that were
ended with the tuning still count as running there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.bundles import applied_digest
from adapters.easymaker.engines.cluster.mapping import pods as pod_states
from adapters.easymaker.engines.cluster.mapping.trial_states import ACTIVE, JOB_NAME, SeenTrial, trial_view
from adapters.easymaker.engines.cluster.mapping.tunings import space_size, trial_limit
from adapters.easymaker.engines.tunings import TrialView, trials_detail
from adapters.easymaker.kinds.record import Json, Record
from katib_suggestions.trial import TrialCondition

STOPPED_REASON = "EasyMakerStopped"
STOPPED_MESSAGE = "Stopped on request"
_DETAILS = {
    "ExperimentGoalReached": "GoalReached",
    "ExperimentMaxTrialsReached": "MaxTrialsReached",
    "ExperimentSuggestionEndReached": "SuggestionEndReached",
}
_FAILED = (TrialCondition.FAILED, TrialCondition.METRICS_UNAVAILABLE)


@dataclass(frozen=True)
class TuningView:
    """What is seen of a tuning. ``pods`` are all that carry its label: of trials, and of its suggestion service.

    ``suggestion`` is what Katib says of that service, where it was asked.
    """

    record: Record
    experiment: Json | None
    trials: Sequence[SeenTrial] = ()
    pods: Sequence[Json] = ()
    suggestion: Mapping[str, str] = field(default_factory=dict[str, str])


def observe(view: TuningView, now: float) -> Observation:
    """MISSING also while it is not there whole: start() completes it."""
    experiment = view.experiment
    if experiment is None or applied_digest(experiment) is None:
        return Observation(Phase.MISSING)
    views = [trial_view(each) for each in view.trials]
    detail = trials_detail(view.record, views, now) | _times(experiment, views)
    if is_over(experiment):
        return _ended(view, experiment, views, detail)
    if "deletionTimestamp" in experiment["metadata"]:
        return Observation(Phase.FAILED, "the Experiment was deleted on the cluster", detail)
    if views:
        return Observation(Phase.RUNNING, detail=detail)
    return Observation(Phase.PENDING, _waits(view), detail)


def is_over(experiment: Json) -> bool:
    return pod_states.holds(experiment, "Succeeded") or pod_states.holds(experiment, "Failed")


def suggestion_failed(experiment: Json) -> bool:
    """Whether Katib gave up before there were trials; why, only the Suggestion says."""
    condition = pod_states.condition_of(experiment, "Failed") or {}
    return condition.get("status") == "True" and "uggestion" in (condition.get("message") or "")


def active(trials: Sequence[SeenTrial]) -> list[SeenTrial]:
    return [each for each in trials if each.condition in ACTIVE]


def stopped_status(experiment: Json, at: str) -> Json:
    """The status of an Experiment that is over, on request; ``at`` is now.

    Katib has no word for a stop. It treats this one as any end: it starts no further trials, removes the suggestion
    service, and keeps what there is.
    """
    kept = [each for each in (experiment.get("status") or {}).get("conditions") or [] if each["type"] != "Succeeded"]
    ended = [each | {"status": "False"} if each["type"] in ("Running", "Restarting") else each for each in kept]
    condition = {
        "type": "Succeeded",
        "status": "True",
        "reason": STOPPED_REASON,
        "message": STOPPED_MESSAGE,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }
    return {"conditions": [*ended, condition], "completionTime": at}


def _ended(view: TuningView, experiment: Json, views: Sequence[TrialView], detail: Json) -> Observation:
    good = pod_states.condition_of(experiment, "Succeeded") or {}
    if good.get("status") == "True":
        if good.get("reason") == STOPPED_REASON:
            going = len(active(view.trials))
            told = f"{going} of its trainings are being ended"
            return Observation(Phase.RUNNING, told, detail) if going else Observation(Phase.STOPPED, "stopped", detail)
        return Observation(Phase.SUCCEEDED, _end_of(view.record, good.get("reason") or ""), detail)
    told = pod_states.one_line((pod_states.condition_of(experiment, "Failed") or {}).get("message") or "it failed")
    if suggestion_failed(experiment):
        return Observation(Phase.FAILED, _with(told, view.suggestion.get("Failed")), detail)
    failed = [each for each in views if each.condition in _FAILED]
    if not failed:
        return Observation(Phase.FAILED, told, detail)
    last = max(failed, key=lambda each: (each.finished_at or 0.0, each.id))
    reason = f"MaxFailedTrialsReached: {len(failed)} trainings have failed: {last.id}: {last.reason}"
    return Observation(Phase.FAILED, pod_states.one_line(reason), detail)


def _end_of(record: Record, reason: str) -> str:
    """Katib's suggestion services cannot say that a space is used up: the number of its points is their limit here."""
    size = space_size(record)
    asked = record.spec.get("maxTrialCount")
    if reason == "ExperimentMaxTrialsReached" and size == trial_limit(record) and (asked is None or asked > size):
        return "SuggestionEndReached"
    return _DETAILS.get(reason, reason)


def _waits(view: TuningView) -> str:
    """Why there are no trials yet."""
    services = [pod for pod in view.pods if JOB_NAME not in (pod["metadata"].get("labels") or {})]
    trouble = pod_states.first_reason(services)
    if trouble is not None:
        return f"the suggestion service: {trouble.reason}"
    return "the first trainings are being chosen"


def _with(told: str, more: str | None) -> str:
    return f"{told}: {pod_states.one_line(more)}" if more else told


def _times(experiment: Json, views: Sequence[TrialView]) -> Json:
    status = experiment.get("status") or {}
    started = pod_states.seconds(status.get("startTime"))
    times: Json = {} if started is None else {"startedAt": started}
    if not is_over(experiment) or any(each.condition in ACTIVE for each in views):
        return times | {"finishedAt": None}
    ends = [each.finished_at for each in views if each.finished_at is not None]
    completed = pod_states.seconds(status.get("completionTime"))
    return times | {"finishedAt": max([*ends, *([completed] if completed is not None else [])], default=None)}
