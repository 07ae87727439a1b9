"""The logarithm of the expected improvement, exact from hopeless to certain."""

import math

import numpy as np
import pytest

from katib_suggestions.algorithms.bayesian.improvement import log_improvement, log_probability


@pytest.mark.parametrize("z", [-7.3, -3.0, -1.0, -0.37, 0.0, 0.2, 1.0, 5.0, 7.99])
def test_it_is_the_logarithm_of_the_expected_improvement(z: float) -> None:
    density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    mass = 0.5 * math.erfc(-z / math.sqrt(2))
    value, slope = log_improvement(np.array([z]))
    assert value[0] == pytest.approx(math.log(density + z * mass), abs=1e-7)
    assert slope[0] == pytest.approx(mass / (density + z * mass), rel=1e-6)


def test_it_never_underflows_and_falls_smoothly_without_end() -> None:
    z = np.concatenate((-np.logspace(6, 0, 400), np.linspace(-0.99, 20, 400)))
    value, slope = log_improvement(z)
    assert np.isfinite(value).all()
    assert (np.diff(value) > 0).all()
    assert (slope > 0).all()


@pytest.mark.parametrize("border", [-20.0, -8.0, 8.0])
def test_its_parts_meet(border: float) -> None:
    value, slope = log_improvement(np.array([border - 1e-9, border + 1e-9]))
    assert value[0] == pytest.approx(value[1], rel=1e-6)
    assert slope[0] == pytest.approx(slope[1], rel=1e-4)


@pytest.mark.parametrize("z", [-30.0, -5.0, -0.5, 0.0, 2.0, 12.0])
def test_probabilities_come_from_the_same_table(z: float) -> None:
    value, slope = log_probability(np.array([z]))
    mass = 0.5 * math.erfc(-z / math.sqrt(2))
    assert value[0] == pytest.approx(math.log(mass), rel=1e-4, abs=1e-6)
    assert slope[0] == pytest.approx(math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) / mass, rel=1e-3, abs=1e-6)
