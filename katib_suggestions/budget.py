"""How many trials an experiment is to have and when it is over, as Katib's controller decides it. Pure.

Katib 0.19, experiment controller. status_util.go: the goal counts first, then the failed trials (those without metrics
among them), then the number of trials that have ended. experiment_controller.go: as many trials run at once as are
allowed, as long as those that have ended and those that run are together fewer than there may be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from katib_suggestions.experiment import Objective
from katib_suggestions.trial import TrialCondition


class Ending(StrEnum):
    """Why there are no further trials, in the words of Katib's conditions."""

    GOAL_REACHED = "GoalReached"
    MAX_TRIALS_REACHED = "MaxTrialsReached"
    MAX_FAILED_TRIALS_REACHED = "MaxFailedTrialsReached"
    SUGGESTION_END_REACHED = "SuggestionEndReached"

    @property
    def succeeded(self) -> bool:
        return self is not Ending.MAX_FAILED_TRIALS_REACHED


@dataclass(frozen=True)
class Budget:
    """None: no limit. ``points`` is the number of different trials that the search space has."""

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

    @classmethod
    def of(cls, conditions: Iterable[TrialCondition]) -> Self:
        found = list(conditions)
        return cls(
            created=found.count(TrialCondition.CREATED) + found.count(TrialCondition.UNKNOWN),
            running=found.count(TrialCondition.RUNNING),
            succeeded=found.count(TrialCondition.SUCCEEDED),
            failed=found.count(TrialCondition.FAILED),
            killed=found.count(TrialCondition.KILLED),
            metrics_unavailable=found.count(TrialCondition.METRICS_UNAVAILABLE),
            early_stopped=found.count(TrialCondition.EARLY_STOPPED),
        )

    @property
    def active(self) -> int:
        return self.created + self.running

    @property
    def ended(self) -> int:
        return self.succeeded + self.killed + self.early_stopped + self.without_result

    @property
    def without_result(self) -> int:
        return self.failed + self.metrics_unavailable

    @property
    def all(self) -> int:
        return self.active + self.ended


def reaches(budget: Budget, value: float) -> bool:
    """Whether a trial with this value of the objective has reached the goal."""
    if budget.goal is None:
        return False
    return value >= budget.goal if budget.objective is Objective.MAXIMIZE else value <= budget.goal


def ending(budget: Budget, counts: Counts, values: Iterable[float]) -> Ending | None:
    """``values``: of the objective, of the trials that have ended with one. Those that still run are then ended."""
    if any(reaches(budget, value) for value in values):
        return Ending.GOAL_REACHED
    failed = counts.without_result
    if budget.most_failed is not None and failed and failed >= budget.most_failed:
        return Ending.MAX_FAILED_TRIALS_REACHED
    if budget.most_trials is not None and counts.ended >= budget.most_trials:
        return Ending.MAX_TRIALS_REACHED
    if budget.points is not None and counts.all >= budget.points and not counts.active:
        return Ending.SUGGESTION_END_REACHED
    return None


def missing(budget: Budget, counts: Counts) -> int:
    """How many trials to begin now, of an experiment that is not over."""
    wanted = budget.parallel
    if budget.most_trials is not None:
        wanted = min(wanted, budget.most_trials - counts.ended)
    more = wanted - counts.active
    if budget.points is not None:
        more = min(more, budget.points - counts.all)
    return max(0, more)
