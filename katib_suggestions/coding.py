"""Distributions as codings: a monotone map of a parameter's range onto [0, 1] under which the distribution is even.

A uniform draw, decoded, has the distribution; a model on the unit cube sees logarithms where the user said so.
"""

import math
import sys
from dataclasses import dataclass
from statistics import NormalDist

from katib_suggestions.experiment import Distribution

_LOGARITHMIC = (Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL)
_NORMAL = (Distribution.NORMAL, Distribution.LOG_NORMAL)


def is_logarithmic(distribution: Distribution) -> bool:
    return distribution in _LOGARITHMIC


@dataclass(frozen=True)
class Range:
    """The box of a parameter, as its declaration gives it."""

    low: float
    high: float


class Coding:
    """Between values and [0, 1], for the distribution of `box`, cut off at `edges` (the box, or half a step beyond).

    normal has its mean in the middle of the box and a sixth of its width as standard deviation, as in Katib's services,
    and is cut off at the box instead of leaving it; logNormal is the same in logarithms.
    """

    def __init__(self, distribution: Distribution, box: Range, edges: Range) -> None:
        self._logarithmic = distribution in _LOGARITHMIC
        self._normal: NormalDist | None = None
        low, high = self._scaled(box.low), self._scaled(box.high)
        # Between neighbouring doubles there is no room for a bell.
        if distribution in _NORMAL and (deviation := high / 6 - low / 6) > 0:
            self._normal = NormalDist(low / 2 + high / 2, deviation)
        self._from, self._to = self._mass(self._scaled(edges.low)), self._mass(self._scaled(edges.high))

    def to_unit(self, value: float) -> float:
        width = self._to - self._from
        unit = (self._mass(self._scaled(value)) - self._from) / width if width else 0.5
        return min(1.0, max(0.0, unit))

    def from_unit(self, unit: float) -> float:
        unit = min(1.0, max(0.0, unit))
        mass = self._from * (1 - unit) + self._to * unit
        scaled = self._normal.inv_cdf(mass) if self._normal else mass
        return math.exp(scaled) if self._logarithmic else scaled

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._logarithmic else value

    def _mass(self, scaled: float) -> float:
        return self._normal.cdf(scaled) if self._normal else scaled


def grid_edges(low: float, high: float, step: float, distribution: Distribution) -> Range:
    """Half a step beyond both ends, so that the end points of a grid are as likely as their neighbours.

    In logarithms half a step below the first value may be endless: there its lower half is as wide as the next one's.
    """
    half = step / 2
    # In quarters, since three halves of a step may be more than a double can hold.
    share = math.sqrt((low / 4 + half / 4) / (low / 4 + 3 * (half / 4))) if distribution in _LOGARITHMIC else 0.0
    below = low * share if distribution in _LOGARITHMIC else low - half
    return Range(max(below, -sys.float_info.max), min(high + half, sys.float_info.max))
