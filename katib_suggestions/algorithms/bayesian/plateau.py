"""Where many results are the same best value, and nothing in between promises another.

A Gaussian process expects a function to go on as it does elsewhere: beside steep cliffs it keeps looking for something
better on level ground. Accuracies of classifiers have such ground. The more results lie on it, the less often it is
looked at again.
"""

from dataclasses import dataclass

from katib_suggestions.algorithms.bayesian.gaussian_process import Distances, Mask, Posterior
from katib_suggestions.algorithms.bayesian.quasi_newton import Array

# So many equal results make a plateau.
_LEAST = 3
# In units of `scaled` values.
_EQUAL = 1e-9


@dataclass(frozen=True)
class Plateau:
    """`level`: which of the observations have the least value."""

    posterior: Posterior
    level: Mask

    @classmethod
    def of(cls, posterior: Posterior, above: Array) -> "Plateau | None":
        level = above <= _EQUAL
        return cls(posterior, level) if _LEAST <= level.sum() < len(level) else None

    def due(self, place: int) -> bool:
        """Whether the point with this number may be one of the plateau: every second, every third, …"""
        return place % max(2, int(self.level.sum()) // 2) == 0

    def holds(self, points: Array) -> Mask:
        """Whether the nearest observation, in length scales, is of the plateau."""
        known = self.posterior
        squares = Distances(points, known.x, known.categorical).squares(known.hyperparameters.weights)
        return self.level[squares.argmin(1)]
