"""Regression: against calculations by hand, and what is not defined is left out."""

import math

import pytest

from kfp_components.easymaker.evaluate.regression import regression_metrics


def test_by_hand() -> None:
    assert regression_metrics([3.0, 5.0, 2.0, 8.0], [2.0, 5.0, 4.0, 8.0]) == pytest.approx(
        {
            "rootMeanSquaredError": math.sqrt(5 / 4),
            "meanAbsoluteError": 0.75,
            "meanAbsolutePercentageError": (1 / 3 + 1) / 4,
            "rsquared": 1 - 5 / 21,
            "rootMeanSquaredLogError": math.sqrt((math.log(3 / 4) ** 2 + math.log(5 / 3) ** 2) / 4),
        }
    )


def test_what_these_numbers_do_not_have_is_left_out() -> None:
    assert "meanAbsolutePercentageError" not in regression_metrics([0.0, 1.0], [1.0, 1.0])
    assert "rsquared" not in regression_metrics([1.0, 1.0], [1.0, 2.0])
    assert "rootMeanSquaredLogError" not in regression_metrics([-2.0, 1.0], [1.0, 2.0])


@pytest.mark.parametrize(("truth", "guess"), [([], []), ([1.0], []), ([math.nan], [1.0]), ([1.0], [math.inf])])
def test_what_is_no_number_or_no_pair_is_refused(truth: list[float], guess: list[float]) -> None:
    with pytest.raises(ValueError):
        regression_metrics(truth, guess)


def test_sums_do_not_lose_small_errors_among_large_ones() -> None:
    truth = [1e15] + [0.5] * 1000
    assert regression_metrics(truth, [1e15] + [0.25] * 1000)["meanAbsoluteError"] == pytest.approx(0.25 * 1000 / 1001)
