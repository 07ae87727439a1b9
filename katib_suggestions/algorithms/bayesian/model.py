"""From a history to an acquisition function: which observations count, the model of them, and of what is pending."""

from dataclasses import dataclass

import numpy as np

from katib_suggestions.algorithms.bayesian.acquisition import Acquisition
from katib_suggestions.algorithms.bayesian.domain import Domain
from katib_suggestions.algorithms.bayesian.gaussian_process import Hyperparameters, Posterior, cholesky, fit
from katib_suggestions.algorithms.bayesian.plateau import Plateau
from katib_suggestions.algorithms.bayesian.quasi_newton import Array, Rows
from katib_suggestions.algorithms.bayesian.values import BENDS, bent, scaled

# A model holds at most so many observations, and is fitted to at most so many: the cost grows with the cube.
MOST_MODELLED = 400
MOST_FITTED = 200
# So many decide how values are bent.
MOST_COMPARED = 100
_ROUNDS = 50
# Drawn per pending point.
_FANTASIES = 16
# How far a failure tells something of its neighbours, and how much is accident.
_FAILURE_LENGTH, _FAILURE_NOISE = 0.25, 0.05
# Pending and failed points beyond so many say little.
_MOST_PENDING = 64


@dataclass(frozen=True)
class Model:
    """`centres`: the best points that have been observed, by the model; `best`: the least value, by the model."""

    domain: Domain
    objective: Posterior
    success: Posterior | None
    centres: Array
    best: float
    plateau: Plateau | None

    @classmethod
    def of(cls, domain: Domain, x: Array, values: Array, failed: Array) -> "Model":
        rows = relevant(x, values, MOST_MODELLED)
        x, (y, hyperparameters) = x[rows], _fitted(domain, x[rows], values[rows])
        objective = Posterior(x, y, domain.categorical, hyperparameters)
        means = objective.predict(x)[0][:, 0]
        order = np.argsort(means, kind="stable")
        success = _success(domain, x, failed[-MOST_FITTED:]) if len(failed) else None
        plateau = Plateau.of(objective, scaled(values[rows]))
        return cls(domain, objective, success, x[order[:4]], float(means[order[0]]), plateau)

    @property
    def lengths(self) -> Array:
        return 1.0 / np.sqrt(self.objective.hyperparameters.weights)

    def acquisition(self, pending: Array, rng: np.random.Generator) -> Acquisition:
        """What is pending gets values as the model has them, drawn together several times."""
        # In an order of their own, so that what is drawn does not depend on which became pending last.
        pending = pending[np.lexsort(pending.T)][-_MOST_PENDING:]
        if not len(pending):
            return Acquisition(self.objective, np.array([self.best]), self.success)
        known = self.objective
        covariance = known.covariance(pending)
        factor = cholesky(covariance + 1e-9 * known.hyperparameters.scale * np.eye(len(pending)))
        draws = known.predict(pending)[0] + factor @ rng.standard_normal((len(pending), _FANTASIES))
        posterior = Posterior(
            np.concatenate((known.x, pending)),
            np.concatenate((np.repeat(known.y, _FANTASIES, axis=1), draws)),
            self.domain.categorical,
            known.hyperparameters,
        )
        return Acquisition(posterior, np.minimum(self.best, draws.min(0)), self.success)


def _fitted(domain: Domain, x: Array, values: Array) -> tuple[Array, Hyperparameters]:
    """The values with the bend that makes them most probable, and the hyperparameters."""
    above = scaled(values)
    rows = relevant(x, values, MOST_FITTED)
    few = relevant(x[rows], values[rows], MOST_COMPARED)
    compared = rows[few]
    losses: list[float] = []
    found: list[Hyperparameters] = []
    for bend in BENDS:
        y, more = bent(above[compared], bend)
        # With another bend the length scales are much the same.
        found.append(fit(x[compared], y, domain.categorical, _ROUNDS, found[-1] if found else None))
        losses.append(found[-1].loss - more)
    best = int(np.argmin(losses))
    y, _ = bent(above, BENDS[best])
    if len(compared) == len(rows):
        return y, found[best]
    return y, fit(x[rows], y[rows], domain.categorical, _ROUNDS, found[best])


def _success(domain: Domain, x: Array, failed: Array) -> Posterior:
    """Smooth by decree: fitted length scales follow a sharp border, and then promise much a little farther on."""
    rows = np.arange(len(x))[-MOST_FITTED:]
    points = np.concatenate((x[rows], failed))
    results = np.concatenate((np.ones(len(rows)), np.zeros(len(failed))))
    weights = np.full(domain.size, 1.0 / (_FAILURE_LENGTH**2 * domain.size))
    return Posterior(points, results, domain.categorical, Hyperparameters(weights, 1.0, _FAILURE_NOISE, 0.0))


def relevant(x: Array, values: Array, most: int) -> Rows:
    """All rows, or the best half of `most` and as many of the rest, evenly over the order of their values."""
    if len(values) <= most:
        return np.arange(len(values))
    order = np.argsort(values, kind="stable")
    half = most // 2
    others = order[half:][np.linspace(0, len(order) - half - 1, most - half).astype(np.intp)]
    return np.sort(np.concatenate((order[:half], others)))
