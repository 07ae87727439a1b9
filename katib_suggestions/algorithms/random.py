"""Points drawn from the parameters' distributions, never one twice while the space has others.

The draw for the n-th point of an experiment is a function of the seed and n alone. A draw that has been seen is drawn
again; where nearly all has been seen, or all that is probable, one of the rest is picked by rank, which takes no luck.
Where all of a finite space has been seen, it is drawn from again as if it were new.
"""

from bisect import bisect_right, insort
from random import Random as Stream

from katib_suggestions.algorithms.base import Request
from katib_suggestions.algorithms.settings import SettingsTable, whole
from katib_suggestions.experiment import Experiment
from katib_suggestions.search_space import Point, SearchSpace

# So many seen draws in a row, and the rest is picked evenly instead.
_PATIENCE = 32


class RandomSearch:
    settings = SettingsTable(known={"random_state": whole(0)}, aliases={"seed": "random_state"})

    def validate(self, experiment: Experiment, space: SearchSpace) -> list[str]:
        return []

    def suggest(self, request: Request) -> list[Point]:
        points: list[Point] = []
        unseen = _Unseen(request.space, set(request.history.seen))
        for place in range(request.issued, request.issued + request.count):
            if unseen.exhausted:
                unseen = _Unseen(request.space, set())
            stream = Stream(f"{request.seed}: point {place}")  # noqa: S311 (repeatable on purpose)
            points.append(unseen.draw(stream))
        return points


class _Unseen:
    """The points of a space that have not been seen, to draw from; a drawn one is seen from then on."""

    def __init__(self, space: SearchSpace, seen: set[Point]) -> None:
        self._space = space
        self._seen = seen
        self._places: list[int] | None = None

    @property
    def exhausted(self) -> bool:
        return self._space.size is not None and len(self._seen) >= self._space.size

    def draw(self, stream: Stream) -> Point:
        point = self._try(stream) or self._pick(stream)
        self._seen.add(point)
        if self._places is not None:
            insort(self._places, self._space.index(point))
        return point

    def _try(self, stream: Stream) -> Point | None:
        point: Point = ()
        for _ in range(_PATIENCE):
            point = tuple(each.from_unit(stream.random()) for each in self._space.dimensions)
            if point not in self._seen:
                return point
        # A continuous space whose points keep coming back does not exist: see the narrowest range allowed.
        return point if self._space.size is None else None

    def _pick(self, stream: Stream) -> Point:
        """Evenly among the unseen points of a finite space: rank r, with k seen places below it, is place r + k."""
        if self._places is None:
            self._places = sorted(self._space.index(point) for point in self._seen)
        places = self._places
        rank = int(stream.random() * ((self._space.size or 0) - len(places)))
        below = bisect_right(range(len(places)), rank, key=lambda k: places[k] - k)
        return self._space.point(rank + below)


ALGORITHM = RandomSearch()
