"""A Gaussian process on numpy alone: Matern 5/2 with a length scale per dimension, a constant mean, inferred noise.

Categories differ or not (a Hamming distance); everything else lies in [0, 1]. Values are standardised by the caller.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from katib_suggestions.algorithms.bayesian.quasi_newton import Array, Rows, minimise

Mask = NDArray[np.bool_]

LEAST_NOISE = 1e-7
_MOST_NOISE = 1.0
# Length scales are log-normal around a third, so that a few points do not make a function flat or rough; around more
# where there are many dimensions, since points are farther apart there.
_LENGTH_CENTRE, _LENGTH_SPREAD = -1.0, 0.7
# Between two categories: as far as makes the values there half correlated, until results say otherwise.
_CATEGORY_CENTRE = 0.0
_FEW_DIMENSIONS = 6
# With more dimensions than this all have one length scale: there are never enough points to tell them apart.
_MOST_LENGTHS = 64
# Scale: Gamma(2, 1); noise: Gamma(1.1, 30), which is mostly below a tenth of the values' variance.
_SCALE_SHAPE, _NOISE_SHAPE, _NOISE_RATE = 1.0, 0.1, 30.0
# Where a fit begins: length scales (against their prior, in logarithms) and noise.
_STARTS = ((-0.5, 1e-4), (0.7, 1e-2))


def matern(squares: Array) -> tuple[Array, Array]:
    """The kernel of a squared distance in length scales, and its derivative with respect to that."""
    r = np.sqrt(5.0 * np.maximum(squares, 0.0))
    decay = np.exp(-r)
    return (1.0 + r + r * r / 3.0) * decay, (-5.0 / 6.0) * (1.0 + r) * decay


class Distances:
    """Squared distances in length scales between two sets of points. `categorical`: which dimensions are categories."""

    def __init__(self, left: Array, right: Array, categorical: Mask) -> None:
        self._ordered = ~categorical
        self._left, self._right = left[:, self._ordered], right[:, self._ordered]
        self._differ = {
            int(column): left[:, column, None] != right[:, column] for column in np.flatnonzero(categorical)
        }

    def squares(self, weights: Array) -> Array:
        root = np.sqrt(weights[self._ordered])
        left, right = self._left * root, self._right * root
        squares = np.einsum("md,md->m", left, left)[:, None] + np.einsum("nd,nd->n", right, right)
        squares -= 2.0 * (left @ right.T)
        for column, differ in self._differ.items():
            squares += weights[column] * differ
        return squares

    def pull(self, by_squares: Array) -> Array:
        """From derivatives by squares to those by weights."""
        gradient = np.empty(len(self._ordered))
        left, right = self._left, self._right
        gradient[self._ordered] = (
            by_squares.sum(1) @ (left * left)
            + by_squares.sum(0) @ (right * right)
            - 2.0 * np.einsum("md,md->d", by_squares @ right, left)
        )
        for column, differ in self._differ.items():
            gradient[column] = by_squares[differ].sum()
        return gradient


@dataclass(frozen=True)
class Hyperparameters:
    """`weights` are inverse squared length scales; `loss` is the fit's, smaller being more probable."""

    weights: Array
    scale: float
    noise: float
    loss: float


def fit(x: Array, y: Array, categorical: Mask, rounds: int, near: Hyperparameters | None = None) -> Hyperparameters:
    """The most probable hyperparameters of standardised values; looked for from `near` alone, if that is given."""
    evidence = _Evidence(x, y, categorical)
    lengths = evidence.lengths
    lower = np.array([math.log(1e-4)] * lengths + [math.log(1e-2), math.log(LEAST_NOISE)])
    upper = np.array([math.log(1e4)] * lengths + [math.log(1e3), math.log(_MOST_NOISE)])
    starts = np.array([
        [*(-2.0 * (evidence.centres + shift)), 0.0, math.log(noise)] for shift, noise in _STARTS
    ])  # fmt: skip
    if near is not None:
        first = [int(np.argmax(evidence.length_of == length)) for length in range(lengths)]
        starts = np.log([[*near.weights[first], near.scale, near.noise]])
    ends, losses = minimise(evidence, starts, (lower, upper), rounds, 1e-5)
    best = int(np.argmin(losses))
    values = np.exp(ends[best])
    weights = values[evidence.length_of]
    return Hyperparameters(weights, float(values[-2]), float(values[-1]), float(losses[best]))


class _Evidence:
    """What `fit` minimises: the negative logarithm of the posterior of the hyperparameters (in logarithms)."""

    def __init__(self, x: Array, y: Array, categorical: Mask) -> None:
        self.n, d = x.shape
        self.y = y
        self.distances = Distances(x, x, categorical)
        self.length_of = np.arange(d) if d <= _MOST_LENGTHS else np.zeros(d, dtype=np.intp)
        self.lengths = int(self.length_of[-1]) + 1
        centre = _LENGTH_CENTRE + 0.5 * math.log(max(1.0, d / _FEW_DIMENSIONS))
        own = self.lengths == d
        self.centres = np.where(categorical, _CATEGORY_CENTRE, centre) if own else np.array([centre])

    def __call__(self, thetas: Array, rows: Rows) -> tuple[Array, Array]:
        results = [self._one(theta) for theta in thetas]
        return np.array([loss for loss, _ in results]), np.array([gradient for _, gradient in results])

    def _one(self, theta: Array) -> tuple[float, Array]:
        values = np.exp(theta)
        weights, scale, noise = values[self.length_of], float(values[-2]), float(values[-1])
        kernel, slope = matern(self.distances.squares(weights))
        covariance = scale * kernel
        covariance[np.diag_indices(self.n)] += noise
        try:
            factor = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            return math.inf, np.zeros(len(theta))
        inverse = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
        totals = inverse.sum(1)
        alpha = inverse @ (self.y - (totals @ self.y) / totals.sum())
        loss = 0.5 * float(self.y @ alpha) + float(np.log(np.diagonal(factor)).sum())
        inner = np.outer(alpha, alpha) - inverse
        by_scale = -0.5 * scale * float((inner * kernel).sum())
        by_noise = -0.5 * noise * float(np.trace(inner))
        inner *= (-0.5 * scale) * slope
        by_lengths = np.bincount(self.length_of, weights * self.distances.pull(inner))
        less, turn = self._prior(theta, scale, noise)
        return loss + less, np.concatenate((by_lengths, [by_scale, by_noise])) + turn

    def _prior(self, theta: Array, scale: float, noise: float) -> tuple[float, Array]:
        """The negative logarithm of the prior, and its gradient."""
        lengths = (-0.5 * theta[:-2] - self.centres) / _LENGTH_SPREAD
        loss = 0.5 * float(lengths @ lengths) + scale - _SCALE_SHAPE * float(theta[-2])
        loss += _NOISE_RATE * noise - _NOISE_SHAPE * float(theta[-1])
        by_scale, by_noise = scale - _SCALE_SHAPE, _NOISE_RATE * noise - _NOISE_SHAPE
        return loss, np.concatenate((-0.5 * lengths / _LENGTH_SPREAD, [by_scale, by_noise]))


def cholesky(matrix: Array) -> Array:
    """The factor of a covariance, with as much more on the diagonal as rounding makes necessary."""
    extra, unit = 0.0, float(np.max(np.diagonal(matrix)))
    while True:
        try:
            return np.asarray(np.linalg.cholesky(matrix + extra * np.eye(len(matrix))), dtype=np.float64)
        except np.linalg.LinAlgError:
            extra = max(10.0 * extra, 1e-12 * unit)


class Posterior:
    """What is believed after the observations. Several columns of values share one set of points: fantasies do."""

    def __init__(self, x: Array, y: Array, categorical: Mask, hyperparameters: Hyperparameters) -> None:
        self.x, self.y = x, y.reshape(len(x), -1)
        self.categorical, self.hyperparameters = categorical, hyperparameters
        covariance = hyperparameters.scale * self._kernel(x)[0]
        covariance[np.diag_indices(len(x))] += hyperparameters.noise
        self._whiten = np.linalg.inv(cholesky(covariance))
        ones = self._whiten.sum(1)
        # Of the first column: fantasies are drawn around it and must not move it.
        self._mean = float(ones @ (self._whiten @ self.y[:, 0]) / (ones @ ones))
        self._alpha = self._whiten.T @ (self._whiten @ (self.y - self._mean))

    def _kernel(self, points: Array) -> tuple[Array, Array]:
        return matern(Distances(points, self.x, self.categorical).squares(self.hyperparameters.weights))

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Means (points, columns) and variances (points), without the noise of an observation."""
        mean, variance, _ = self.predict_and_pull(points)
        return mean, variance

    def predict_and_pull(self, points: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        """Also what takes derivatives by means and by variances back to the points: (points, dimensions)."""
        scale = self.hyperparameters.scale
        kernel, slope = self._kernel(points)
        kernel *= scale
        white = kernel @ self._whiten.T
        mean = kernel @ self._alpha + self._mean
        variance = np.maximum(scale - np.einsum("mn,mn->m", white, white), 1e-12 * scale)

        def pull(by_means: Array, by_variances: Array) -> Array:
            inner = by_means @ self._alpha.T - 2.0 * by_variances[:, None] * (white @ self._whiten)
            inner *= scale * slope
            gradient = 2.0 * self.hyperparameters.weights * (points * inner.sum(1)[:, None] - inner @ self.x)
            gradient[:, self.categorical] = 0.0
            return gradient

        return mean, variance, pull

    def covariance(self, points: Array) -> Array:
        """Of the function's values at several points together."""
        weights, scale = self.hyperparameters.weights, self.hyperparameters.scale
        white = scale * self._kernel(points)[0] @ self._whiten.T
        return scale * matern(Distances(points, points, self.categorical).squares(weights))[0] - white @ white.T
