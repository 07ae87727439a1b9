"""The objective's values as a Gaussian process likes them: standardised, and bent where that makes them more probable.

A function may fall by orders of magnitude towards its minimum, or be very large in places; in the logarithm of the
distance to the least value such a function is as smooth as others. Which bend fits is decided by the evidence.
"""

import numpy as np

from katib_suggestions.algorithms.bayesian.quasi_newton import Array

# 0 leaves values as they are; the larger, the more of them is seen in logarithms.
BENDS = (0.0, 1.0, 10.0, 100.0)
# Of the distance of half of the values: what is farther away has gone wrong.
_OUTLIERS = 1e6
# Distances are told apart up to so many times the median one.
_FARTHEST = 1e12


def _standardised(values: Array) -> Array:
    """Mean 0, variance 1; all 0 where the values do not differ."""
    centred = values - values.mean()
    deviation = float(centred.std())
    return centred / deviation if deviation > 1e-14 * float(np.abs(values).max(initial=0.0)) else np.zeros(len(values))


def scaled(values: Array) -> Array:
    """The distance to the least value, such that nine in ten lie below 1.

    Not half of them: an experiment that has found its minimum has half of its values there, and the differences
    between those would be stretched until nothing else counted.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not largest:
        return np.zeros(len(values))
    # By the largest first, because the difference of two doubles may be none.
    above = values / largest - (values / largest).min()
    half, most = np.quantile(above, (0.5, 0.9)).tolist()
    size = most if most < _OUTLIERS * half else half
    size = size if size > 0 else float(above.mean())
    return np.minimum(above / size, _FARTHEST) if size > 0 else above


def bent(above: Array, bend: float) -> tuple[Array, float]:
    """`scaled` values with a bend, standardised; and what that adds to the logarithm of their likelihood."""
    if not above.any():
        return above, 0.0
    if bend == 0.0:
        return _standardised(above), -len(above) * float(np.log(above.std()))
    stretched = np.log1p(bend * above)
    turned = stretched / bend
    return _standardised(turned), -float(stretched.sum()) - len(above) * float(np.log(turned.std()))
