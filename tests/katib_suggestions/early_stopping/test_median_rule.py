"""The median rule: what counts, what is averaged, when there is a rule, and which settings are refused."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_suggestions.early_stopping.median import average, counts, stopping_rule
from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.early_stopping.settings import MedianStopSettings, median_stop_settings
from katib_suggestions.experiment import Experiment, Objective
from katib_suggestions.search_space import InvalidExperiment
from katib_suggestions.trial import Trial, TrialCondition

DEFAULTS = MedianStopSettings()


def experiment(objective: Objective = Objective.MAXIMIZE) -> Experiment:
    return Experiment("e", (), objective, "acc", "random", early_stopping="medianstop")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2", "3", "4", "100"], 2.5),
        (["1", "3"], 2.0),
        ([], None),
        (["unavailable"], None),
        (["unavailable", "1", "nan", "2", "", "3", "4", "5"], 2.5),
        (["inf", "1"], float("inf")),
        (["inf", "-inf"], None),
        (["1e308", "1e308", "1e308", "1e308"], 1e308),
    ],
)
def test_the_first_numbers_are_averaged_and_what_is_none_does_not_count(
    values: list[str], expected: float | None
) -> None:
    assert average(values, 4) == expected


def test_it_is_a_median_and_not_a_mean() -> None:
    """Katib's own service would say 2.6875, for which every good trial is stopped."""
    rule = stopping_rule(experiment(), DEFAULTS, [0.25, 0.2, 0.3, 10])
    assert rule == StoppingRule("acc", 0.275, Comparison.LESS, 4)


def test_what_is_worse_depends_on_the_objective() -> None:
    rule = stopping_rule(experiment(Objective.MINIMIZE), DEFAULTS, [3, 1, 2])
    assert rule is not None
    assert (rule.value, rule.comparison) == (2, Comparison.GREATER)


@pytest.mark.parametrize("required", [1, 3, 5])
def test_too_few_trials_make_no_rule(required: int) -> None:
    settings = MedianStopSettings(min_trials_required=required)
    assert stopping_rule(experiment(), settings, [1.0] * (required - 1)) is None
    assert stopping_rule(experiment(), settings, [1.0] * required) is not None


def test_trials_that_diverged_shift_the_median_and_never_become_it() -> None:
    infinite = float("inf")
    rule = stopping_rule(experiment(Objective.MINIMIZE), DEFAULTS, [1, 2, 3, infinite, infinite])
    assert rule is not None
    assert rule.value == 3
    assert stopping_rule(experiment(Objective.MINIMIZE), DEFAULTS, [1, infinite, infinite]) is None
    assert stopping_rule(experiment(), DEFAULTS, [-infinite, infinite, -infinite, infinite]) is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=3))
def test_the_rule_is_the_median_for_any_averages(averages: list[float]) -> None:
    rule = stopping_rule(experiment(), DEFAULTS, averages)
    assert rule is not None
    assert rule.value == statistics.median(averages)


def test_trials_that_were_stopped_early_count() -> None:
    counted = {each for each in TrialCondition if counts(Trial("t", {}, each))}
    assert counted == {TrialCondition.SUCCEEDED, TrialCondition.EARLY_STOPPED}


def test_settings_are_read_as_katib_writes_them() -> None:
    assert median_stop_settings("medianstop", {}) == MedianStopSettings(min_trials_required=3, start_step=4)
    given_settings = {"min_trials_required": "1", "start_step": "12"}
    assert median_stop_settings("medianstop", given_settings) == MedianStopSettings(1, 12)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "", "many", "2147483648", "٣", "1e3"])
def test_numbers_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(InvalidExperiment, match="start_step"):
        median_stop_settings("medianstop", {"start_step": value})


def test_every_problem_of_the_settings_is_told_at_once() -> None:
    with pytest.raises(InvalidExperiment) as caught:
        median_stop_settings("hyperband", {"start_step": "0", "min_trials_required": "x", "mystery": "1"})
    assert len(caught.value.problems) == 4
