"""The logarithm of the expected improvement in units of the deviation, log(phi(z) + z Phi(z)), and of probabilities.

In logarithms, because the plain form is 0 where a search for candidates begins (Ament et al., 2023), and from a table,
because numpy has no error function.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LOWEST, _HIGHEST, _CELLS = -20.0, 8.0, 28 * 32
_WIDTH = (_HIGHEST - _LOWEST) / _CELLS
# Below this the two terms cancel too much, and their asymptotic series is exact.
_CANCELS = -8.0
_SERIES = (1, -3, 15, -105, 945, -10395, 135135, -2027025)


def _exact(z: float) -> tuple[float, float]:
    """The value and its derivative."""
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    mass = 0.5 * math.erfc(-z / math.sqrt(2.0))
    expected = density + z * mass
    if z < _CANCELS:
        expected = density * sum(term / z ** (2 * k + 2) for k, term in enumerate(_SERIES))
    return math.log(expected), mass / expected


_KNOTS = [_exact(_LOWEST + _WIDTH * cell) for cell in range(_CELLS + 1)]
_VALUES = np.array([value for value, _ in _KNOTS])
_RISES = np.array([slope * _WIDTH for _, slope in _KNOTS])


def log_improvement(z: Array) -> tuple[Array, Array]:
    """The value and its derivative: cubic between exact knots (the value within 1e-8), asymptotic beyond them."""
    place = np.clip((z - _LOWEST) / _WIDTH, 0.0, _CELLS - 1e-9)
    cell = place.astype(np.intp)
    t = place - cell
    begin, first, last = _VALUES[cell], _RISES[cell], _RISES[cell + 1]
    rise = _VALUES[cell + 1] - begin
    square, cube = 3 * rise - 2 * first - last, first + last - 2 * rise
    value = begin + t * (first + t * (square + t * cube))
    slope = (first + t * (2 * square + 3 * t * cube)) / _WIDTH
    return _beyond(z, value, slope)


def _beyond(z: Array, value: Array, slope: Array) -> tuple[Array, Array]:
    low, high = z < _LOWEST, z > _HIGHEST
    if low.any():
        u = np.minimum(z, _LOWEST)
        part = 1.0 / (u * u)
        series = 1.0 - part * (3.0 - part * (15.0 - 105.0 * part))
        value = np.where(low, -0.5 * u * u - 0.5 * math.log(2 * math.pi) + np.log(part * series), value)
        slope = np.where(low, -u - 2.0 / u, slope)
    if high.any():
        u = np.maximum(z, _HIGHEST)
        value, slope = np.where(high, np.log(u), value), np.where(high, 1.0 / u, slope)
    return value, slope


def log_probability(z: Array) -> tuple[Array, Array]:
    """log Phi(z) and its derivative, both of which the expected improvement contains."""
    value, slope = log_improvement(z)
    return value + np.log(slope), np.maximum(1.0 / slope - z, 0.0)
