"""Rules of early stopping on a running trial: looked at once, at their step, and with the best value till then."""

import pytest

from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.early_stopping.watch import StopWatch
from katib_suggestions.experiment import Objective


def rule(
    value: float, start_step: int, metric: str = "loss", comparison: Comparison = Comparison.GREATER
) -> StoppingRule:
    return StoppingRule(metric, value, comparison, start_step)


def stops(
    rules: list[StoppingRule], values: list[str | tuple[str, str]], objective: Objective = Objective.MINIMIZE
) -> int:
    """After how many values; 0 for never."""
    watch = StopWatch(tuple(rules), "loss", objective)
    for number, each in enumerate(values, 1):
        if watch.feed([each if isinstance(each, tuple) else ("loss", each)]):
            return number
    return 0


@pytest.mark.parametrize(
    ("rules", "values", "expected"),
    [
        ([], ["9"], 0),
        ([rule(1.0, 3)], ["5", "4", "3"], 3),
        ([rule(1.0, 3)], ["5", "4"], 0),
        ([rule(1.0, 3)], ["5", "0.5", "3"], 0),
        ([rule(1.0, 3)], ["0.5", "0.5", "0.5", "9", "9"], 0),
        ([rule(1.0, 2)], ["0.5", "5", "5"], 0),
        ([rule(1.0, 0)], ["5"], 1),
        ([rule(1.0, 2)], ["nan", "nan", "5"], 0),
        ([rule(1.0, 2)], ["nan", "5"], 2),
        ([rule(1.0, 2)], [("acc", "5"), "5", ("acc", "5"), "5"], 4),
        ([rule(1.0, 1), rule(0.5, 2, "acc", Comparison.LESS)], ["5", ("acc", "0.1"), ("acc", "0.1")], 3),
        ([rule(1.0, 1), rule(0.5, 2, "acc", Comparison.LESS)], ["5", ("acc", "0.1"), ("acc", "0.9")], 0),
        ([rule(1.0, 1, comparison=Comparison.EQUAL)], ["1.0"], 1),
        ([rule(float("nan"), 1)], ["1.0"], 0),
    ],
)
def test_when_a_trial_is_stopped(rules: list[StoppingRule], values: list[str | tuple[str, str]], expected: int) -> None:
    assert stops(rules, values) == expected


def test_the_best_of_a_maximized_metric_counts() -> None:
    low = [rule(0.5, 3, comparison=Comparison.LESS)]
    assert stops(low, ["0.1", "0.4", "0.2"], Objective.MAXIMIZE) == 3
    assert stops(low, ["0.1", "0.6", "0.2"], Objective.MAXIMIZE) == 0


def test_the_reason_says_what_was_seen() -> None:
    watch = StopWatch((rule(1.0, 2),), "loss", Objective.MINIMIZE)
    assert watch.feed([("loss", "7"), ("loss", "5")]) == "the best loss of the first 2 is 5, which is greater than 1"
