"""Values before they are modelled: whatever they are, finite and in their order; bent where that is more probable."""

import numpy as np
import pytest

from katib_suggestions.algorithms.bayesian.domain import Domain
from katib_suggestions.algorithms.bayesian.model import MOST_FITTED, MOST_MODELLED, Model, relevant
from katib_suggestions.algorithms.bayesian.values import BENDS, bent, scaled
from katib_suggestions.search_space import SearchSpace
from tests.katib_suggestions.generated import double

ODD = [
    [1e308, -1e308, 0.0, 5.0],
    [1e-308, 2e-308, 3e-308],
    [1e300, 1.0, 2.0, 3.0, 4.0],
    [1e15, 1e15 + 1, 1e15 + 2],
    [0.0, 0.0, 0.0, 1.0],
]


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("values", ODD)
def test_the_order_stays_and_all_is_finite(values: list[float], bend: float) -> None:
    y, more = bent(scaled(np.array(values)), bend)
    assert np.isfinite(y).all()
    assert np.isfinite(more)
    assert y.std() == pytest.approx(1)
    order = np.argsort(values, kind="stable")
    assert (np.diff(y[order]) >= 0).all()


@pytest.mark.parametrize("values", [[3.0, 3.0, 3.0], [0.0], [-1e308] * 4])
def test_a_plateau_is_flat(values: list[float]) -> None:
    assert (scaled(np.array(values)) == 0).all()
    assert bent(scaled(np.array(values)), 10.0)[1] == 0


def test_a_bend_accounts_for_its_stretching() -> None:
    """What is added to the likelihood is the derivative of the new values by the old ones, in logarithms."""
    above = scaled(np.random.default_rng(0).random(30))
    for bend in BENDS:
        steep = [
            (np.log1p(bend * (v + 1e-6)) - np.log1p(bend * (v - 1e-6))) / (2e-6 * bend) if bend else 1.0 for v in above
        ]
        deviation = (np.log1p(bend * above) / bend if bend else above).std()
        assert bent(above, bend)[1] == pytest.approx(np.log(np.array(steep) / deviation).sum(), abs=1e-4)


def test_a_function_that_falls_by_orders_of_magnitude_is_bent_and_a_smooth_one_is_not() -> None:
    domain = Domain.of(SearchSpace.of((double("x", "0", "1"), double("y", "0", "1"))))
    x = np.random.default_rng(0).random((40, 2))
    smooth = np.sin(3 * x[:, 0]) + x[:, 1]
    nothing = np.empty((0, 2))

    def curvature(values: np.ndarray) -> float:
        """How much of the modelled values' range the lower half of them takes."""
        y = Model.of(domain, x, values, nothing).objective.y[:, 0]
        return float((np.median(y) - y.min()) / np.ptp(y))

    lower_half = (np.median(smooth) - smooth.min()) / np.ptp(smooth)
    assert curvature(smooth) == pytest.approx(lower_half, abs=0.1)
    assert curvature(np.exp(6 * smooth)) > 3 * (np.median(np.exp(6 * smooth)) / np.exp(6 * smooth).max())


def test_of_many_the_best_half_and_a_cross_section_of_the_rest_are_kept() -> None:
    values = np.random.default_rng(0).random(5000)
    rows = relevant(values[:, None], values, MOST_MODELLED)
    assert len(set(rows.tolist())) == MOST_MODELLED > MOST_FITTED
    kept = np.sort(values[rows])
    assert (kept[: MOST_MODELLED // 2] == np.sort(values)[: MOST_MODELLED // 2]).all()
    assert kept[-1] == values.max()
    assert (relevant(values[:, None], values, 5000) == np.arange(5000)).all()
