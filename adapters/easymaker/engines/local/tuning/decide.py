"""Which trials there shall be and when a tuning is over: Katib's rules over what the journal says. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.easymaker.engines.local.tuning.ledger import End, Ledger, Trial
from katib_suggestions import budget
from katib_suggestions.budget import Budget, Counts, Ending
from katib_suggestions.experiment import Objective
from katib_suggestions.trial import TrialCondition

OBSERVED = (TrialCondition.SUCCEEDED, TrialCondition.EARLY_STOPPED)
FAILED = (TrialCondition.FAILED, TrialCondition.METRICS_UNAVAILABLE)


@dataclass(frozen=True, kw_only=True)
class Limits(Budget):
    """``metric``: the one that the goal is about."""

    metric: str


def count(trials: Iterable[Trial]) -> Counts:
    return Counts.of(trial.condition for trial in trials)


def value(trial: Trial, limits: Limits) -> float | None:
    """The objective's value as Katib's default strategies reduce it: the best that was seen. None: there is none."""
    reduced = trial.metrics.get(limits.metric)
    if trial.condition not in OBSERVED or reduced is None:
        return None
    return float(reduced.max if limits.objective is Objective.MAXIMIZE else reduced.min)


def end(ledger: Ledger, limits: Limits) -> End | None:
    """Whether there shall be no further trials, and why. Those that still run are then ended."""
    trials = ledger.ordered
    values = [number for trial in trials if (number := value(trial, limits)) is not None]
    found = budget.ending(limits, count(trials), values)
    return None if found is None else End(str(found), found.succeeded, _reason(found, trials, limits))


def missing(ledger: Ledger, limits: Limits) -> int:
    """How many trials to ask the suggestion service for now."""
    if ledger.end is not None or end(ledger, limits) is not None:
        return 0
    return budget.missing(limits, count(ledger.trials.values()))


def _reason(found: Ending, trials: Sequence[Trial], limits: Limits) -> str:
    counts = count(trials)
    match found:
        case Ending.GOAL_REACHED:
            return f"{_winner(trials, limits)} has reached the goal of {limits.goal:g}"
        case Ending.MAX_FAILED_TRIALS_REACHED:
            return f"{counts.without_result} trainings have failed: {_last_failure(trials)}"
        case Ending.MAX_TRIALS_REACHED:
            return f"all {counts.ended} trainings have ended"
        case Ending.SUGGESTION_END_REACHED:
            return f"all {len(trials)} combinations of hyperparameters have been tried"


def _winner(trials: Sequence[Trial], limits: Limits) -> str:
    for trial in trials:
        number = value(trial, limits)
        if number is not None and budget.reaches(limits, number):
            return trial.id
    raise AssertionError("the goal was reached by a trial")


def _last_failure(trials: Sequence[Trial]) -> str:
    failed = [trial for trial in trials if trial.condition in FAILED]
    last = max(failed, key=lambda trial: (trial.finished_at or 0.0, trial.number))
    return f"{last.id}: {last.reason}"
