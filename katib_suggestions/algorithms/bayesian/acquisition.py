"""What a point promises: the logarithm of the improvement to expect there, averaged over what pending points may give,
and of the chance that a trial there gives a result at all."""

import numpy as np

from katib_suggestions.algorithms.bayesian.gaussian_process import Posterior
from katib_suggestions.algorithms.bayesian.improvement import log_improvement, log_probability
from katib_suggestions.algorithms.bayesian.quasi_newton import Array

# A share of successes so far below a half makes a failure certain.
_DOUBT = 0.15


class Acquisition:
    """`best` per column of `posterior`; `success` is of 1 where trials gave results and of 0 where they did not."""

    def __init__(self, posterior: Posterior, best: Array, success: Posterior | None = None) -> None:
        self.posterior, self.best, self.success = posterior, best, success

    def values(self, points: Array) -> Array:
        mean, variance = self.posterior.predict(points)
        deviation = np.sqrt(variance)
        each, _ = log_improvement((self.best - mean) / deviation[:, None])
        top = each.max(1)
        values = top + np.log(np.exp(each - top[:, None]).mean(1)) + np.log(deviation)
        if self.success is not None:
            share, _ = self.success.predict(points)
            values += log_probability((share[:, 0] - 0.5) / _DOUBT)[0]
        return values

    def values_and_gradients(self, points: Array) -> tuple[Array, Array]:
        """The gradient is 0 in categories."""
        mean, variance, pull = self.posterior.predict_and_pull(points)
        deviation = np.sqrt(variance)
        z = (self.best - mean) / deviation[:, None]
        each, slope = log_improvement(z)
        top = each.max(1)
        shares = np.exp(each - top[:, None])
        total = shares.sum(1)
        values = top + np.log(total / each.shape[1]) + np.log(deviation)
        by_z = shares / total[:, None] * slope
        by_variance = (1.0 - (by_z * z).sum(1)) / (2.0 * variance)
        gradients = pull(-by_z / deviation[:, None], by_variance)
        if self.success is not None:
            more, further = self._chance(self.success, points)
            values, gradients = values + more, gradients + further
        return values, gradients

    @staticmethod
    def _chance(success: Posterior, points: Array) -> tuple[Array, Array]:
        share, variance, pull = success.predict_and_pull(points)
        values, slope = log_probability((share[:, 0] - 0.5) / _DOUBT)
        return values, pull((slope / _DOUBT)[:, None], np.zeros(len(variance)))
