"""The optimiser as an algorithm of the service: settings, the first points, and one point after another from a model.

Nothing is kept between calls. The n-th point of an experiment is a function of the results so far, the points under way
and n, so a batch of four is the same as four calls that each see the points of those before as running.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from katib_suggestions.algorithms.base import Request
from katib_suggestions.algorithms.bayesian import surroundings
from katib_suggestions.algorithms.bayesian.design import spread
from katib_suggestions.algorithms.bayesian.domain import Domain
from katib_suggestions.algorithms.bayesian.model import Model
from katib_suggestions.algorithms.bayesian.quasi_newton import Array
from katib_suggestions.algorithms.bayesian.search import Search
from katib_suggestions.algorithms.bayesian.settings import INITIAL_POINTS, SETTINGS
from katib_suggestions.algorithms.bayesian.surroundings import Surroundings
from katib_suggestions.algorithms.random import draws
from katib_suggestions.experiment import Experiment
from katib_suggestions.search_space import Point, SearchSpace

_LEAST_OBSERVED = 3
# Points that were given but whose trials are not shown are worked out again, up to so many.
_MOST_HIDDEN = 16


class BayesianOptimization:
    settings = SETTINGS

    def validate(self, experiment: Experiment, space: SearchSpace) -> list[str]:
        return []

    def suggest(self, request: Request) -> list[Point]:
        sequence = _Sequence(request)
        hidden = min(_MOST_HIDDEN, max(0, request.issued - len(request.history.seen)))
        points = [sequence.next(place) for place in range(request.issued - hidden, request.issued + request.count)]
        return points[hidden:]


class _Sequence:
    """The points of one request, each of them pending for the next."""

    def __init__(self, request: Request) -> None:
        past = request.history
        self.request = request
        self.domain = Domain.of(request.space)
        self.seed = int.from_bytes(hashlib.sha256(request.seed.encode()).digest()[:8], "big")
        self.seen = set(past.seen)
        self.values = np.array([each.value for each in past.observed])
        self.observed = self.domain.vectors([each.point for each in past.observed])
        self.pending = self.domain.vectors(past.pending)
        self.failed = self.domain.vectors(past.failed)
        self.model: Model | None = None
        self.near: Surroundings | None = None
        self.local: Model | None = None

    @property
    def exhausted(self) -> bool:
        size = self.request.space.size
        return size is not None and len(self.seen) >= size

    def next(self, place: int) -> Point:
        self.request.checkpoint()
        point = None if self.exhausted else self._new(place)
        if point is None:
            point = self._random(place)
        self.seen.add(point)
        self.pending = np.concatenate((self.pending, self.domain.vectors([point])))
        return point

    def _new(self, place: int) -> Point | None:
        initial = self.request.settings.get("n_initial_points", INITIAL_POINTS)
        rng = np.random.default_rng([self.seed, place])
        if place < initial or len(self.observed) < _LEAST_OBSERVED:
            shift = np.random.default_rng(self.seed).random(self.domain.size)
            vectors = iter(self.domain.from_unit(spread(self.domain.size, place, shift)[None]))
        else:
            vectors = self._promising(place, rng)
        points = (self.domain.point(vector) for vector in vectors)
        return next((point for point in points if point not in self.seen), None)

    def _promising(self, place: int, rng: np.random.Generator) -> Iterator[Array]:
        if self.model is None:
            self.model = Model.of(self.domain, self.observed, self.values, self.failed)
            self.near = surroundings.around(self.model.centres[0], self.model.objective, self.observed, self.values)
        if self.near is not None and surroundings.due(place):
            yield from self._nearby(self.near, rng)
        search = Search(self.domain, self.model.centres, self.model.lengths, rng)
        plateau = self.model.plateau
        avoided = plateau.holds if plateau is not None and not plateau.due(place) else None
        yield from search.best(self.model.acquisition(self.pending, rng), avoided)

    def _nearby(self, near: Surroundings, rng: np.random.Generator) -> Array:
        """What the surroundings of the best point promise by themselves."""
        if self.local is None:
            self.local = Model.of(self.domain, self.observed[near.rows], self.values[near.rows], self.failed)
        search = Search(self.domain, self.local.centres, self.local.lengths, rng, (near.lower, near.upper))
        return search.best(self.local.acquisition(self.pending, rng))

    def _random(self, place: int) -> Point:
        """Any unseen point; of a space that is used up, one of all."""
        seen = frozenset[Point]() if self.exhausted else self.seen
        return draws(self.request.space, self.request.seed, seen, range(place, place + 1))[0]


ALGORITHM = BayesianOptimization()
