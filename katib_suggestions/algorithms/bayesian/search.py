"""The search for the points that promise most: many candidates, the best improved, discrete values one by one."""

from collections.abc import Callable

import numpy as np

from katib_suggestions.algorithms.bayesian.acquisition import Acquisition
from katib_suggestions.algorithms.bayesian.domain import Domain
from katib_suggestions.algorithms.bayesian.gaussian_process import Mask
from katib_suggestions.algorithms.bayesian.quasi_newton import Array, Rows, minimise

_CANDIDATES = 1024
_NEAR = 256
_STARTS = 8
_ROUNDS = 60
_TOLERANCE = 1e-8
# So many points are simply all looked at.
_ALL = 2048
# Taken off in logarithms: more than points differ by.
_AVOIDED = 1e6
# Of a dimension with more levels, those nearby and a few others are tried.
_TRIED_LEVELS = 16


class Search:
    """`centres`: the best points so far, near which some of the candidates are drawn, on the scale of `lengths`.

    `box`: the lowest and the highest vector, of the whole domain if it is not given.
    """

    def __init__(
        self,
        domain: Domain,
        centres: Array,
        lengths: Array,
        rng: np.random.Generator,
        box: tuple[Array, Array] | None = None,
    ) -> None:
        self.domain, self.centres, self.rng = domain, centres, rng
        self.lengths = np.minimum(lengths, 0.5)
        self.lower, self.upper = box or (np.zeros(domain.size), domain.highest)

    def best(self, acquisition: Acquisition, avoided: Callable[[Array], Mask] | None = None) -> Array:
        """Vectors, the most promising first, several of them because the first may have been seen.

        Those that are `avoided` come after all others.
        """

        def ranks(vectors: Array, values: Array) -> Array:
            return values if avoided is None else np.where(avoided(vectors), values - _AVOIDED, values)

        size = self.domain.space.size
        if size is not None and size <= _ALL and not self.domain.smooth.any():
            everything = self.domain.all_vectors()
            everything = everything[((everything >= self.lower) & (everything <= self.upper)).all(1)]
            return everything[np.argsort(-ranks(everything, acquisition.values(everything)), kind="stable")]
        candidates = self._candidates()
        values = ranks(candidates, acquisition.values(candidates))
        starts = candidates[self._picked(values)]
        ends, reached = self._improved(acquisition, starts)
        vectors = np.concatenate((ends, candidates))
        order = np.argsort(-np.concatenate((ranks(ends, reached), values)), kind="stable")
        return vectors[order[: 4 * _STARTS]]

    def _candidates(self) -> Array:
        d = self.domain.size
        anywhere = self._inside(self.domain.from_unit(self.rng.random((_CANDIDATES, d))))
        if not len(self.centres):
            return anywhere
        centres = self.centres[self.rng.integers(len(self.centres), size=_NEAR)]
        width = 10.0 ** self.rng.uniform(-2.0, -0.3, (_NEAR, 1))
        near = np.clip(centres + self.rng.standard_normal((_NEAR, d)) * self.lengths * width, self.lower, self.upper)
        categorical = self.domain.categorical
        kept = self.rng.random((_NEAR, d)) < 1.0 - 1.0 / (1.0 + categorical.sum())
        near = self.domain.snapped(near)
        near[:, categorical] = np.where(kept, centres, anywhere[:_NEAR])[:, categorical]
        return np.concatenate((anywhere, near))

    def _inside(self, vectors: Array) -> Array:
        """What is ordered squeezed into the box, and categories clipped to it."""
        squeezed = self.domain.snapped(self.lower + vectors * (self.upper - self.lower))
        clipped = np.clip(vectors, self.lower, self.upper)
        return np.where(self.domain.categorical, clipped, squeezed)

    def _picked(self, values: Array) -> Rows:
        """The best candidate, and others by chance according to what they promise: the best may all be neighbours."""
        shares = np.exp(values - values.max())
        first = int(np.argmax(values))
        shares[first] = 0.0
        count = min(_STARTS - 1, int((shares > 0).sum()))
        if not count:
            return np.array([first])
        others = self.rng.choice(len(values), size=count, replace=False, p=shares / shares.sum())
        return np.concatenate(([first], others))

    def _improved(self, acquisition: Acquisition, starts: Array) -> tuple[Array, Array]:
        domain = self.domain
        discrete = np.flatnonzero(~domain.smooth).tolist()
        if not discrete:
            return self._climbed(acquisition, starts, domain.smooth)
        ordered = ~domain.categorical
        if (ordered & ~domain.smooth).any():
            starts = domain.snapped(self._climbed(acquisition, starts, ordered)[0])
        values = acquisition.values(starts)
        for _ in range(2):
            for column in discrete:
                starts, values = self._switched(acquisition, starts, values, column)
            if not domain.smooth.any():
                continue
            starts, values = self._climbed(acquisition, starts, domain.smooth)
        return starts, values

    def _climbed(self, acquisition: Acquisition, starts: Array, free: Mask) -> tuple[Array, Array]:
        """Along gradients, in the dimensions that are free."""

        def downhill(x: Array, rows: Rows) -> tuple[Array, Array]:
            points = starts[rows]
            points[:, free] = x
            values, gradients = acquisition.values_and_gradients(points)
            return -values, -gradients[:, free]

        bounds = self.lower[free], self.upper[free]
        ends, losses = minimise(downhill, starts[:, free], bounds, _ROUNDS, _TOLERANCE)
        climbed = starts.copy()
        climbed[:, free] = ends
        return climbed, -losses

    def _switched(self, acquisition: Acquisition, starts: Array, values: Array, column: int) -> tuple[Array, Array]:
        """Each start with the best value of one discrete dimension."""
        levels = self.domain.levels[column]
        if levels is not None:
            levels = levels[(levels >= self.lower[column]) & (levels <= self.upper[column])]
        if levels is None or len(levels) <= 1:
            return starts, values
        tried = self._tried(levels, starts[:, column])
        points = np.repeat(starts, tried.shape[1], axis=0)
        points[:, column] = tried.ravel()
        results = acquisition.values(points).reshape(tried.shape)
        best = results.argmax(1)
        rows = np.arange(len(starts))
        better = results[rows, best] > values
        switched = starts.copy()
        switched[better, column] = tried[rows, best][better]
        return switched, np.where(better, results[rows, best], values)

    def _tried(self, levels: Array, current: Array) -> Array:
        if len(levels) <= _TRIED_LEVELS:
            return np.tile(levels, (len(current), 1))
        place = np.searchsorted(levels, current)[:, None]
        near = place + np.array([-4, -3, -2, -1, 1, 2, 3, 4])
        far = self.rng.integers(len(levels), size=(len(current), 8))
        return levels[np.clip(np.concatenate((near, far), axis=1), 0, len(levels) - 1)]
