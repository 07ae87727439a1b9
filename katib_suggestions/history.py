"""From the trials of a request to what an algorithm may learn: results, points under way, points that gave nothing.

Neither the order of the trials nor their names count, since both are chance: the same results give the same history.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from katib_suggestions.experiment import Experiment, Objective
from katib_suggestions.search_space import Point, SearchSpace
from katib_suggestions.trial import Trial, TrialCondition

_UNDER_WAY = (TrialCondition.CREATED, TrialCondition.RUNNING, TrialCondition.UNKNOWN)
_WITH_RESULT = (TrialCondition.SUCCEEDED, TrialCondition.EARLY_STOPPED)


@dataclass(frozen=True, order=True)
class Observed:
    """`value`: smaller is better, whatever the experiment's objective."""

    point: Point
    value: float


@dataclass(frozen=True)
class History:
    """`observed`: succeeded, and early-stopped with a value (it is a fair, if pessimistic, reading of a bad point).
    `pending`: created, running, or in an unknown condition.
    `failed`: failed, killed, without metrics; also a "success" whose value is missing, "unavailable", NaN or infinite.
    `ignored`: how many trials are not of this space (another experiment of this name in another namespace, say).
    A point may be in a tuple more than once. All are sorted.
    """

    observed: tuple[Observed, ...]
    pending: tuple[Point, ...]
    failed: tuple[Point, ...]
    ignored: int

    @cached_property
    def seen(self) -> frozenset[Point]:
        """Every point that some trial has, whatever became of it."""
        return frozenset((*(each.point for each in self.observed), *self.pending, *self.failed))


def history(experiment: Experiment, space: SearchSpace, trials: Iterable[Trial]) -> History:
    observed: list[tuple[Point, float]] = []
    pending: list[Point] = []
    failed: list[Point] = []
    ignored = 0
    sign = -1.0 if experiment.objective is Objective.MAXIMIZE else 1.0
    for trial in trials:
        point = space.read(trial.assignments)
        if point is None:
            ignored += 1
        elif trial.condition in _UNDER_WAY:
            pending.append(point)
        elif (value := result(trial, experiment.metric)) is None:
            failed.append(point)
        else:
            observed.append((point, sign * value))
    observed.sort()
    pending.sort()
    failed.sort()
    return History(tuple(Observed(*each) for each in observed), tuple(pending), tuple(failed), ignored)


def result(trial: Trial, metric: str) -> float | None:
    """The finite value of an ended trial's metric; None when it gave none."""
    if trial.condition not in _WITH_RESULT:
        return None
    try:
        value = float(trial.metrics.get(metric, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
