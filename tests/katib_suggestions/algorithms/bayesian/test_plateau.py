"""Level ground: recognised by equal best results, and looked at the less often the more of it is known."""

import numpy as np
import pytest

from katib_suggestions.algorithms.bayesian.gaussian_process import Hyperparameters, Posterior
from katib_suggestions.algorithms.bayesian.plateau import Plateau

X = np.array([[0.1, 0.1], [0.2, 0.1], [0.1, 0.2], [0.9, 0.9], [0.8, 0.1]])
KNOWN = Posterior(X, np.arange(5.0), np.zeros(2, dtype=bool), Hyperparameters(np.ones(2), 1.0, 0.1, 0.0))


def plateau() -> Plateau:
    found = Plateau.of(KNOWN, np.array([0.0, 0.0, 0.0, 1.0, 0.2]))
    assert found is not None
    return found


@pytest.mark.parametrize("above", [[0.0, 0.0, 0.1, 1.0, 0.2], [0.0] * 5, [0.0, 1e-3, 2e-3, 3e-3, 1.0]])
def test_two_equal_results_are_none_and_neither_are_results_that_are_all_equal(above: list[float]) -> None:
    assert Plateau.of(KNOWN, np.array(above)) is None


def test_it_reaches_halfway_to_what_is_known_to_be_different() -> None:
    points = np.array([[0.0, 0.0], [0.3, 0.3], [0.7, 0.7], [0.75, 0.1]])
    assert plateau().holds(points).tolist() == [True, True, False, False]


def test_its_turns_become_rarer() -> None:
    turns = [sum(Plateau(KNOWN, np.ones(size, dtype=bool)).due(place) for place in range(60)) for size in (3, 10, 40)]
    assert turns == [30, 12, 3]
