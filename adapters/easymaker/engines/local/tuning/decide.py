"""Which trials there shall be and when a tuning is over, as Katib's controller decides it. Pure.

Katib 0.19, experiment controller: (status_util.go) the goal counts first, then the failed trials, then the number of
trials, and trials without metrics count as failed; (experiment_controller.go) as many trials run at once as are
allowed, as long as trials that ended and trials that run are together fewer than there may be.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.easymaker.engines.local.tuning.ledger import End, Ledger, Trial
from katib_suggestions.experiment import Objective
from katib_suggestions.trial import TrialCondition

OBSERVED = (TrialCondition.SUCCEEDED, TrialCondition.EARLY_STOPPED)
FAILED = (TrialCondition.FAILED, TrialCondition.METRICS_UNAVAILABLE)


@dataclass(frozen=True)
class Limits:
    """None: no limit. ``points`` is the number of different trials that the search space has."""

    metric: str
    objective: Objective
    parallel: int
    most_trials: int | None = None
    most_failed: int | None = None
    goal: float | None = None
    points: int | None = None


@dataclass(frozen=True)
class Counts:
    created: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    killed: int = 0
    metrics_unavailable: int = 0
    early_stopped: int = 0

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.killed + self.metrics_unavailable + self.early_stopped

    @property
    def active(self) -> int:
        return self.created + self.running


def count(trials: Iterable[Trial]) -> Counts:
    conditions = [trial.condition for trial in trials]
    return Counts(
        created=conditions.count(TrialCondition.CREATED),
        running=conditions.count(TrialCondition.RUNNING),
        succeeded=conditions.count(TrialCondition.SUCCEEDED),
        failed=conditions.count(TrialCondition.FAILED),
        killed=conditions.count(TrialCondition.KILLED),
        metrics_unavailable=conditions.count(TrialCondition.METRICS_UNAVAILABLE),
        early_stopped=conditions.count(TrialCondition.EARLY_STOPPED),
    )


def value(trial: Trial, limits: Limits) -> float | None:
    """The objective's value as Katib's default strategies reduce it: the best that was seen. None: there is none."""
    reduced = trial.metrics.get(limits.metric)
    if trial.condition not in OBSERVED or reduced is None:
        return None
    number = float(reduced.max if limits.objective is Objective.MAXIMIZE else reduced.min)
    return None if math.isnan(number) else number


def reached(trials: Iterable[Trial], limits: Limits) -> Trial | None:
    """A trial that has ended with the goal or better."""
    if limits.goal is None:
        return None
    for trial in trials:
        number = value(trial, limits)
        if number is None:
            continue
        if number >= limits.goal if limits.objective is Objective.MAXIMIZE else number <= limits.goal:
            return trial
    return None


def end(ledger: Ledger, limits: Limits) -> End | None:
    """Whether there shall be no further trials, and why. Those that still run are then ended."""
    trials = ledger.ordered
    winner = reached(trials, limits)
    if winner is not None:
        return End("GoalReached", True, f"{winner.id} has reached the goal of {limits.goal:g}")
    counts = count(trials)
    failed = counts.failed + counts.metrics_unavailable
    if limits.most_failed is not None and failed and failed >= limits.most_failed:
        return End("MaxFailedTrialsReached", False, f"{failed} trainings have failed: {_last_failure(trials)}")
    if limits.most_trials is not None and counts.ended >= limits.most_trials:
        return End("MaxTrialsReached", True, f"all {counts.ended} trainings have ended")
    if limits.points is not None and len(trials) >= limits.points and not counts.active:
        return End("SuggestionEndReached", True, f"all {len(trials)} combinations of hyperparameters have been tried")
    return None


def missing(ledger: Ledger, limits: Limits) -> int:
    """How many trials to ask the suggestion service for now."""
    if ledger.end is not None or end(ledger, limits) is not None:
        return 0
    counts = count(ledger.trials.values())
    wanted = limits.parallel
    if limits.most_trials is not None:
        wanted = min(wanted, limits.most_trials - counts.ended)
    more = wanted - counts.active
    if limits.points is not None:
        more = min(more, limits.points - len(ledger.trials))
    return max(0, more)


def _last_failure(trials: Sequence[Trial]) -> str:
    failed = [trial for trial in trials if trial.condition in FAILED]
    last = max(failed, key=lambda trial: (trial.finished_at or 0.0, trial.number))
    return f"{last.id}: {last.reason}"
