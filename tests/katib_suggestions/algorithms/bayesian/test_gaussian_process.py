"""The model: its gradients are exact, it believes what it has seen as far as that agrees, and finds what matters."""

import numpy as np
import pytest

from katib_suggestions.algorithms.bayesian.gaussian_process import (
    Distances,
    Hyperparameters,
    Posterior,
    _Evidence,
    cholesky,
    fit,
)

CATEGORICAL = np.array([False, False, False, True])


def observations(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.random((count, 4))
    x[:, 3] = rng.integers(3, size=count)
    y = np.sin(5 * x[:, 0]) + x[:, 1] + (x[:, 3] == 1)
    return x, (y - y.mean()) / y.std()


def test_gradients_of_the_evidence_are_those_of_its_values() -> None:
    x, y = observations(20)
    evidence = _Evidence(x, y, CATEGORICAL)
    theta = np.array([0.5, -0.3, 0.2, 0.9, -0.1, -3.0])
    _, (gradient,) = evidence(theta[None], np.array([0]))
    for place in range(len(theta)):
        step = np.zeros(len(theta))
        step[place] = 1e-5
        values, _ = evidence(np.stack([theta + step, theta - step]), np.array([0, 1]))
        assert gradient[place] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5)


def test_gradients_of_predictions_are_those_of_their_values() -> None:
    x, y = observations(15)
    columns = np.stack([y, -y, y * 0.5], axis=1)
    posterior = Posterior(x, columns, CATEGORICAL, Hyperparameters(np.array([3.0, 1.0, 5.0, 2.0]), 1.3, 0.05, 0.0))
    points, _ = observations(3, seed=9)
    by_mean, by_variance = np.array([[0.3, -1.0, 2.0]] * 3), np.full(3, 0.7)

    def total(at: np.ndarray) -> np.ndarray:
        mean, variance = posterior.predict(at)
        return (mean * by_mean).sum(1) + variance * by_variance

    gradient = posterior.predict_and_pull(points)[2](by_mean, by_variance)
    assert (gradient[:, 3] == 0).all(), "a category has no direction"
    for place in range(3):
        step = np.zeros(4)
        step[place] = 1e-6
        assert gradient[:, place] == pytest.approx((total(points + step) - total(points - step)) / 2e-6, rel=1e-4)


def test_exact_observations_are_believed_and_noise_is_seen_through() -> None:
    x, y = observations(60)
    exact = fit(x, y, CATEGORICAL, 60)
    assert exact.noise < 1e-3
    assert Posterior(x, y, CATEGORICAL, exact).predict(x)[0][:, 0] == pytest.approx(y, abs=0.05)
    noisy = y + 0.5 * np.random.default_rng(1).standard_normal(60)
    found = fit(x, noisy, CATEGORICAL, 60)
    assert found.noise > 0.05
    believed = Posterior(x, noisy, CATEGORICAL, found).predict(x)[0][:, 0]
    assert np.sqrt(np.mean((believed - y) ** 2)) < 0.4, "nearer to the truth than what was observed"


def test_a_parameter_without_influence_gets_the_longest_scale() -> None:
    x, y = observations(60)
    weights = fit(x, y, CATEGORICAL, 60).weights
    assert weights[2] == min(weights)


def test_a_few_points_do_not_make_the_model_sure_of_itself() -> None:
    x, y = observations(4)
    posterior = Posterior(x, y, CATEGORICAL, fit(x, y, CATEGORICAL, 60))
    points, _ = observations(50, seed=3)
    assert np.median(posterior.predict(points)[1]) > 0.05


def test_uncertainty_is_least_where_something_was_observed() -> None:
    x, y = observations(30)
    posterior = Posterior(x, y, CATEGORICAL, fit(x, y, CATEGORICAL, 60))
    far = np.array([[0.5, 0.5, 0.5, 7.0]])
    assert posterior.predict(x)[1].max() < posterior.predict(far)[1][0]


def test_the_same_point_many_times_is_no_reason_to_fail() -> None:
    x = np.repeat(observations(2)[0], 20, axis=0)
    y = np.random.default_rng(0).standard_normal(40)
    posterior = Posterior(x, y, CATEGORICAL, fit(x, y, CATEGORICAL, 60))
    assert np.isfinite(posterior.predict(x)[0]).all()
    factor = cholesky(np.ones((5, 5)))
    assert factor @ factor.T == pytest.approx(np.ones((5, 5)), abs=1e-6)


def test_the_covariance_of_points_has_their_variances_on_its_diagonal() -> None:
    x, y = observations(10)
    posterior = Posterior(x, y, CATEGORICAL, Hyperparameters(np.ones(4), 2.0, 0.1, 0.0))
    points, _ = observations(5, seed=4)
    assert np.diagonal(posterior.covariance(points)) == pytest.approx(posterior.predict(points)[1])


def test_with_very_many_dimensions_all_have_one_length_scale() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((20, 100))
    weights = fit(x, rng.standard_normal(20), np.zeros(100, dtype=bool), 20).weights
    assert weights.shape == (100,)
    assert np.ptp(weights) == 0


def test_categories_are_equally_far_from_each_other() -> None:
    x = np.array([[0.5, 0.0], [0.5, 1.0], [0.5, 2.0]])
    squares = Distances(x, x, np.array([False, True])).squares(np.array([1.0, 4.0]))
    assert squares == pytest.approx(4.0 * (1 - np.eye(3)))
