"""The objective's values as a Gaussian process likes them."""

import numpy as np

from katib_suggestions.algorithms.bayesian.quasi_newton import Array


def standardised(values: Array) -> Array:
    """Mean 0, variance 1; all 0 where the values do not differ."""
    with np.errstate(over="ignore"):
        largest = float(np.max(np.abs(values), initial=0.0))
        scaled = values / largest if largest > 0 else values
        centred = scaled - scaled.mean()
        deviation = float(centred.std())
    return centred / deviation if deviation > 1e-14 else np.zeros(len(values))
