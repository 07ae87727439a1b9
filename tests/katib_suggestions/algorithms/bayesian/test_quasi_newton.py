"""The minimiser: to the minimum of each start's valley, never out of the box."""

import numpy as np
import pytest

from katib_suggestions.algorithms.bayesian.quasi_newton import minimise


def rosenbrock(x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = x[:, 0], x[:, 1]
    value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    return value, np.stack([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)], axis=1)


def box(low: float, high: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(size, low), np.full(size, high)


def test_a_bent_valley_is_followed_to_its_end_from_everywhere() -> None:
    starts = np.array([[-1.2, 1.0], [0.0, 0.0], [1.9, -1.9], [-2.0, 2.0]])
    ends, values = minimise(rosenbrock, starts, box(-2, 2, 2), 200, 1e-12)
    assert ends == pytest.approx(np.ones((4, 2)), abs=1e-4)
    assert values == pytest.approx(0, abs=1e-8)


def test_a_minimum_outside_is_approached_up_to_the_border() -> None:
    ends, _ = minimise(rosenbrock, np.array([[-1.0, -1.0]]), box(-2, 0.5, 2), 200, 1e-12)
    assert ends[0] == pytest.approx([0.5, 0.25], abs=1e-4)


def test_nothing_outside_of_the_box_is_looked_at() -> None:
    looked_at: list[np.ndarray] = []

    def slope(x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        looked_at.append(x.copy())
        return x.sum(1), np.ones_like(x)

    ends, _ = minimise(slope, np.random.default_rng(0).random((5, 3)), box(0, 1, 3), 50, 1e-9)
    assert (ends == 0).all()
    every = np.concatenate(looked_at)
    assert every.min() >= 0
    assert every.max() <= 1


def test_starts_know_nothing_of_each_other() -> None:
    starts = np.array([[-1.2, 1.0], [0.3, -0.7], [1.9, -1.9]])
    together, _ = minimise(rosenbrock, starts, box(-2, 2, 2), 40, 1e-12)
    alone = [minimise(rosenbrock, start[None], box(-2, 2, 2), 40, 1e-12)[0][0] for start in starts]
    assert together == pytest.approx(np.array(alone))


def test_it_turns_back_where_there_is_no_value() -> None:
    def root(x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value = np.where(x[:, 0] < 0.2, np.inf, x[:, 0])
        return value, np.ones_like(x)

    (end,), (value,) = minimise(root, np.array([[0.9]]), box(0, 1, 1), 60, 1e-9)
    assert value == end[0] == pytest.approx(0.2, abs=0.02)


def test_no_gain_anywhere_ends_at_once() -> None:
    calls = 0

    def flat(x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nonlocal calls
        calls += 1
        return np.zeros(len(x)), np.zeros_like(x)

    minimise(flat, np.full((2, 2), 0.5), box(0, 1, 2), 1000, 1e-9)
    assert calls == 1
