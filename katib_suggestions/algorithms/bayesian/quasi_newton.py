"""A projected quasi-Newton minimiser over a box, from many starts at once.

In place of scipy's L-BFGS-B, whose import alone takes half of the memory that the service may have.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
# Of positions, and which starts those belong to: their values and gradients.
Function = Callable[[Array, Rows], tuple[Array, Array]]

_SUFFICIENT = 1e-4
_SHORTER = 0.25
_SHORTEST = 1e-10
_STANDSTILL = 1e-9


def _dot(left: Array, right: Array) -> Array:
    return np.einsum("si,si->s", left, right)


class _Starts:
    """Each start's place, value, gradient, inverse Hessian, direction and step, and whether it still goes on."""

    def __init__(self, positions: Array, lower: Array, upper: Array) -> None:
        count, size = positions.shape
        self.lower, self.upper = lower, upper
        # No step is longer than half of the box.
        self.reach = 0.5 * float(np.max(upper - lower, initial=_STANDSTILL))
        self.x = np.clip(positions, lower, upper)
        self.f = np.full(count, np.inf)
        self.g = np.zeros((count, size))
        self.inverse = np.tile(np.eye(size), (count, 1, 1))
        self.new = np.ones(count, dtype=bool)
        self.direction = np.zeros((count, size))
        self.step = np.ones(count)
        self.going = np.ones(count, dtype=bool)

    def aim(self, rows: Rows) -> None:
        """Newton's direction in the free variables; those that press against a border are held."""
        x, g = self.x[rows], self.g[rows]
        held = ((x <= self.lower) & (g > 0)) | ((x >= self.upper) & (g < 0))
        free = np.where(held, 0.0, g)
        direction = -np.einsum("sij,sj->si", self.inverse[rows], free)
        direction[held] = 0.0
        uphill = _dot(direction, g) >= 0
        direction[uphill] = -free[uphill]
        length = np.sqrt(_dot(direction, direction))
        shortened = np.minimum(1.0, self.reach / np.maximum(length, _STANDSTILL))
        self.direction[rows] = direction * shortened[:, None]
        self.step[rows] = np.where(self.new[rows], 0.3, 1.0)
        self.going[rows] &= length > _STANDSTILL

    def move(self, rows: Rows, x: Array, value: tuple[Array, Array], tolerance: float) -> None:
        """Where the value went down enough the start is at its new place; elsewhere its step gets shorter."""
        f, g = value
        moved = x - self.x[rows]
        good = np.isfinite(f) & (f <= self.f[rows] + _SUFFICIENT * _dot(self.g[rows], moved))
        taken, refused = rows[good], rows[~good]
        gain, turned = self.f[taken] - f[good], g[good] - self.g[taken]
        self.x[taken], self.f[taken], self.g[taken] = x[good], f[good], g[good]
        self._learn(taken, moved[good], turned)
        self.aim(taken)
        self.going[taken] &= gain > tolerance * (1.0 + np.abs(f[good]))
        self.step[refused] *= _SHORTER
        self.going[refused] &= self.step[refused] > _SHORTEST

    def _learn(self, rows: Rows, moved: Array, turned: Array) -> None:
        """The BFGS update, where the curvature is positive."""
        curvature, size = _dot(moved, turned), _dot(turned, turned)
        good = curvature > 1e-12 * np.sqrt(_dot(moved, moved) * size) + 1e-300
        rows, s, y, sy, yy = rows[good], moved[good], turned[good], curvature[good], size[good]
        if not len(rows):
            return
        h = self.inverse[rows]
        h[self.new[rows]] *= (sy / yy)[self.new[rows], None, None]
        self.new[rows] = False
        hy = np.einsum("sij,sj->si", h, y)
        h += ((1.0 + _dot(y, hy) / sy) / sy)[:, None, None] * s[:, :, None] * s[:, None, :]
        cross = hy[:, :, None] * s[:, None, :]
        self.inverse[rows] = h - (cross + cross.transpose(0, 2, 1)) / sy[:, None, None]


def minimise(
    function: Function, positions: Array, bounds: tuple[Array, Array], rounds: int, tolerance: float
) -> tuple[Array, Array]:
    """Where each start (rows of `positions`) ended, and its value there."""
    starts = _Starts(positions, *bounds)
    everyone = np.arange(len(positions))
    starts.f, starts.g = function(starts.x, everyone)
    starts.going &= np.isfinite(starts.f)
    starts.aim(np.flatnonzero(starts.going))
    for _ in range(rounds):
        rows = np.flatnonzero(starts.going)
        if not len(rows):
            break
        x = starts.x[rows] + starts.step[rows, None] * starts.direction[rows]
        x = np.clip(x, starts.lower, starts.upper)
        starts.move(rows, x, function(x, rows), tolerance)
    return starts.x, starts.f
