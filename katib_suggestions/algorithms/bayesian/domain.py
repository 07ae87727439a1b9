"""Points as vectors: the place in [0, 1] of what is ordered, the index of a category."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from katib_suggestions.algorithms.bayesian.quasi_newton import Array
from katib_suggestions.search_space import Point, SearchSpace

# Of a dimension with more values than this, the values are not listed; it is searched as if it were continuous.
_MOST_LEVELS = 256


@dataclass(frozen=True)
class Domain:
    """`levels`: per dimension its values in ascending order (a category's are 0, 1, …), None where it is continuous.

    `categorical` and `smooth` (ordered, without levels) are masks over the dimensions.
    """

    space: SearchSpace
    categorical: NDArray[np.bool_]
    smooth: NDArray[np.bool_]
    levels: tuple[Array | None, ...]

    @classmethod
    def of(cls, space: SearchSpace) -> "Domain":
        levels: list[Array | None] = []
        for each in space.dimensions:
            count = each.cardinality
            if count is None or (each.ordered and count > _MOST_LEVELS):
                levels.append(None)
            elif each.ordered:
                levels.append(np.array([each.to_unit(each.from_index(index)) for index in range(count)]))
            else:
                levels.append(np.arange(count, dtype=float))
        return cls(
            space,
            np.array([not each.ordered for each in space.dimensions]),
            np.array([level is None for level in levels]),
            tuple(levels),
        )

    @property
    def size(self) -> int:
        return len(self.levels)

    @property
    def highest(self) -> Array:
        """The greatest of each dimension: the last index of a category, 1 otherwise."""
        return np.array([
            (each.cardinality or 1) - 1.0 if categorical else 1.0
            for each, categorical in zip(self.space.dimensions, self.categorical, strict=True)
        ])  # fmt: skip

    def vectors(self, points: Sequence[Point]) -> Array:
        rows = [
            [
                each.to_unit(value) if each.ordered else float(each.index(value))
                for each, value in zip(self.space.dimensions, point, strict=True)
            ]
            for point in points
        ]
        return np.array(rows, dtype=float).reshape(len(points), self.size)

    def point(self, vector: Array) -> Point:
        return tuple(
            each.from_unit(float(place)) if each.ordered else each.from_index(int(place))
            for each, place in zip(self.space.dimensions, vector, strict=True)
        )

    def from_unit(self, units: Array) -> Array:
        """Vectors from a unit cube: categories by equal parts, everything else at its nearest value."""
        vectors = np.clip(units, 0.0, 1.0)
        for column in np.flatnonzero(self.categorical):
            count = self.space.dimensions[column].cardinality or 1
            vectors[:, column] = np.minimum(np.floor(vectors[:, column] * count), count - 1)
        return self.snapped(vectors)

    def snapped(self, vectors: Array) -> Array:
        """Ordered dimensions with levels at the nearest of them."""
        snapped = vectors.copy()
        for column, levels in enumerate(self.levels):
            if levels is not None and not self.categorical[column]:
                middles = (levels[1:] + levels[:-1]) / 2
                snapped[:, column] = levels[np.searchsorted(middles, vectors[:, column])]
        return snapped

    def all_vectors(self) -> Array:
        """Every point of a space whose dimensions all have levels."""
        levels = [each for each in self.levels if each is not None]
        return np.stack([grid.ravel() for grid in np.meshgrid(*levels, indexing="ij")], axis=1)
