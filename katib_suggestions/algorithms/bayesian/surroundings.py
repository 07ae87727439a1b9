"""The surroundings of the best point, which have a model of their own where there are categories.

Each category may make another function of the same numbers, but the model of all of them has one set of length scales:
it is too rough for one and too flat for the other. A model of what lies around the best point, in its categories, fits
that. Without categories there is one function, and the model of everything serves better.
"""

from dataclasses import dataclass

import numpy as np

from katib_suggestions.algorithms.bayesian.gaussian_process import Distances, Posterior
from katib_suggestions.algorithms.bayesian.quasi_newton import Array, Rows

# Every third point is from the surroundings: the others look elsewhere, and may find better ones.
_EVERY = 3
# At least so many results say something of their own; of more, this share is near.
_LEAST, _SHARE = 12, 0.3
_MOST = 100
# With this share of equal results they are level ground, where there is nothing to find.
_LEVEL = 1 / 3


@dataclass(frozen=True)
class Surroundings:
    """`rows` of the observations, and the box around them: its lowest and its highest vector."""

    rows: Rows
    lower: Array
    upper: Array


def due(place: int) -> bool:
    return place % _EVERY == _EVERY - 1


def around(centre: Array, known: Posterior, x: Array, values: Array) -> Surroundings | None:
    """The nearest observations with the categories of `centre`; none where these are too few, or level."""
    categorical = known.categorical
    if not categorical.any() or len(x) < 2 * _LEAST:
        return None
    same = np.flatnonzero((x[:, categorical] == centre[categorical]).all(1))
    if len(same) < _LEAST:
        return None
    squares = Distances(centre[None], x[same], categorical).squares(known.hyperparameters.weights)[0]
    count = min(_MOST, max(_LEAST, int(_SHARE * len(x))))
    rows = np.sort(same[np.argsort(squares, kind="stable")[:count]])
    _, equal = np.unique(values[rows], return_counts=True)
    if equal.max() >= _LEVEL * len(rows):
        return None
    return Surroundings(rows, x[rows].min(0), x[rows].max(0))
