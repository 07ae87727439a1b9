"""The first points: spread evenly, each found from its number alone, so that nothing has to be remembered."""

import numpy as np

from katib_suggestions.algorithms.bayesian.quasi_newton import Array


def spread(size: int, place: int, shift: Array) -> Array:
    """The `place`-th point of a Kronecker sequence in the unit cube: golden ratios, one per dimension, shifted."""
    root = 2.0
    for _ in range(40):
        root = (1.0 + root) ** (1.0 / (size + 1))
    steps = root ** -np.arange(1.0, size + 1.0)
    return (shift + (place + 1) * steps) % 1.0
