"""When an experiment is over and how many trials it begins: Katib's rules, and what follows from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from katib_suggestions.budget import Budget, Counts, Ending, ending, missing
from katib_suggestions.experiment import Objective
from katib_suggestions.trial import TrialCondition as Is

LIMIT = some.none() | some.integers(1, 12)
BUDGETS = some.builds(
    Budget,
    some.sampled_from(Objective),
    parallel=some.integers(1, 5),
    most_trials=LIMIT,
    most_failed=some.none() | some.integers(0, 5),
    points=LIMIT,
)
ENDS = some.sampled_from([Is.SUCCEEDED, Is.FAILED, Is.KILLED, Is.METRICS_UNAVAILABLE, Is.EARLY_STOPPED])


@pytest.mark.parametrize(
    ("budget", "conditions", "values", "expected"),
    [
        (Budget(Objective.MINIMIZE, 1, goal=0.1), [Is.SUCCEEDED], [0.1], Ending.GOAL_REACHED),
        (Budget(Objective.MAXIMIZE, 1, goal=0.1), [Is.SUCCEEDED], [0.05], None),
        (Budget(Objective.MINIMIZE, 1, goal=0.1), [Is.SUCCEEDED], [float("nan")], None),
        # The goal counts before the failures, these before the number of trials.
        (Budget(Objective.MINIMIZE, 1, 2, 1, 0.1), [Is.SUCCEEDED, Is.FAILED], [0.0], Ending.GOAL_REACHED),
        (Budget(Objective.MINIMIZE, 1, 2, 1), [Is.SUCCEEDED, Is.FAILED], [0.0], Ending.MAX_FAILED_TRIALS_REACHED),
        (
            Budget(Objective.MINIMIZE, 1, 9, 2),
            [Is.FAILED, Is.METRICS_UNAVAILABLE],
            [],
            Ending.MAX_FAILED_TRIALS_REACHED,
        ),
        (Budget(Objective.MINIMIZE, 1, 9, 0), [Is.SUCCEEDED], [1.0], None),
        (Budget(Objective.MINIMIZE, 1, 9, 0), [Is.FAILED], [], Ending.MAX_FAILED_TRIALS_REACHED),
        (Budget(Objective.MINIMIZE, 1, 2), [Is.KILLED, Is.EARLY_STOPPED], [], Ending.MAX_TRIALS_REACHED),
        (Budget(Objective.MINIMIZE, 1, 2), [Is.SUCCEEDED, Is.RUNNING], [1.0], None),
        (Budget(Objective.MINIMIZE, 2, points=2), [Is.SUCCEEDED, Is.RUNNING], [1.0], None),
        (Budget(Objective.MINIMIZE, 2, points=2), [Is.SUCCEEDED, Is.FAILED], [1.0], Ending.SUGGESTION_END_REACHED),
    ],
)
def test_the_end_is_katibs(budget: Budget, conditions: list[Is], values: list[float], expected: Ending | None) -> None:
    assert ending(budget, Counts.of(conditions), values) is expected


@given(budget=BUDGETS, data=some.data())
def test_an_experiment_with_a_limit_ends_within_it(budget: Budget, data: some.DataObject) -> None:
    """Whatever becomes of the trials: never more at once, never more in all, and never one that waits for nothing."""
    bounds = [each for each in (budget.most_trials, budget.points) if each is not None]
    conditions: list[Is] = []
    for _ in range(40):
        counts = Counts.of(conditions)
        if ending(budget, counts, []) is not None:
            break
        conditions += [Is.CREATED] * missing(budget, counts)
        active = [index for index, each in enumerate(conditions) if each is Is.CREATED]
        assert 0 < len(active) <= budget.parallel
        if bounds:
            assert len(conditions) <= min(bounds)
        for index in data.draw(some.sets(some.sampled_from(active), min_size=1)):
            conditions[index] = data.draw(ENDS)
    else:
        assert not bounds
