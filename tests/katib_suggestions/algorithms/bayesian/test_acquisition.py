"""What a point promises: exact gradients, pending points taken as what they may give, failures avoided."""

import numpy as np
import pytest

from katib_suggestions.algorithms.bayesian.acquisition import Acquisition
from katib_suggestions.algorithms.bayesian.gaussian_process import Hyperparameters, Posterior
from katib_suggestions.algorithms.bayesian.improvement import log_improvement

NONE = np.zeros(2, dtype=bool)
KNOWN = Hyperparameters(np.array([9.0, 4.0]), 1.2, 0.01, 0.0)


def acquisition(*, columns: int = 3, failures: bool = True) -> Acquisition:
    rng = np.random.default_rng(0)
    x, y = rng.random((12, 2)), rng.standard_normal((12, columns))
    success = Posterior(x, (x[:, 0] < 0.6).astype(float), NONE, KNOWN) if failures else None
    return Acquisition(Posterior(x, y, NONE, KNOWN), y.min(0), success)


@pytest.mark.parametrize("failures", [False, True])
def test_gradients_are_those_of_the_values(failures: bool) -> None:
    promised = acquisition(failures=failures)
    points = np.random.default_rng(1).random((6, 2))
    values, gradients = promised.values_and_gradients(points)
    assert values == pytest.approx(promised.values(points))
    for place in range(2):
        step = np.zeros(2)
        step[place] = 1e-6
        slope = (promised.values(points + step) - promised.values(points - step)) / 2e-6
        assert gradients[:, place] == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_one_column_is_the_plain_expected_improvement() -> None:
    promised = acquisition(columns=1, failures=False)
    point = np.array([[0.4, 0.9]])
    mean, variance = promised.posterior.predict(point)
    drawn = mean[0, 0] + np.sqrt(variance[0]) * np.random.default_rng(0).standard_normal(400_000)
    expected = np.maximum(0.0, promised.best[0] - drawn).mean()
    assert np.exp(promised.values(point)[0]) == pytest.approx(expected, rel=0.02)


def test_columns_are_averaged_as_improvements_not_as_logarithms() -> None:
    promised = acquisition(columns=2, failures=False)
    posterior = promised.posterior
    points = np.random.default_rng(2).random((8, 2))
    mean, variance = posterior.predict(points)
    deviation = np.sqrt(variance)
    each = [deviation * np.exp(log_improvement((promised.best[c] - mean[:, c]) / deviation)[0]) for c in (0, 1)]
    assert np.exp(promised.values(points)) == pytest.approx((each[0] + each[1]) / 2)


def test_where_trials_failed_less_is_promised() -> None:
    with_failures, without = acquisition(failures=True), acquisition(failures=False)
    x = with_failures.posterior.x
    lost = without.values(x) - with_failures.values(x)
    assert lost[x[:, 0] >= 0.6].min() > lost[x[:, 0] < 0.6].max()
