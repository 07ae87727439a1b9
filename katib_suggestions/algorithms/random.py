"""Points drawn from the parameters' distributions, never one twice while the space has others.

The draw for the n-th point of an experiment is a function of the seed and n alone. A draw that has been seen is drawn
again; where nearly all has been seen, or all that is probable, one of the rest is picked by rank, which takes no luck.
Where all of a finite space has been seen, it is drawn from again as if it were new. Points whose trials are not shown
(they gave no metrics, or are not there yet) are known all the same, since their draws can be done again.
"""

from bisect import bisect_right, insort
from collections.abc import Set
from random import Random as Stream

from katib_suggestions.algorithms.base import Request
from katib_suggestions.algorithms.settings import SettingsTable, whole
from katib_suggestions.experiment import Experiment
from katib_suggestions.search_space import Point, SearchSpace

# As many draws are done again at most: a second or so.
_MOST_REPEATED = 50_000
# So many seen draws in a row, and the rest is picked evenly instead.
_PATIENCE = 32


class RandomSearch:
    settings = SettingsTable(known={"random_state": whole(0)}, aliases={"seed": "random_state"})

    def validate(self, experiment: Experiment, space: SearchSpace) -> list[str]:
        return []

    def suggest(self, request: Request) -> list[Point]:
        places = range(request.issued, request.issued + request.count)
        return draws(request.space, request.seed, _given(request), places)


def draws(space: SearchSpace, seed: str, seen: Set[Point], places: range) -> list[Point]:
    """One point for each place, none of them twice or of those seen until the space is used up, and begins anew."""
    points: list[Point] = []
    unseen = _Unseen(space, set(seen))
    for place in places:
        if unseen.exhausted:
            unseen = _Unseen(space, set())
        points.append(unseen.draw(Stream(f"{seed}: point {place}")))  # noqa: S311 (repeatable on purpose)
    return points


def _given(request: Request) -> Set[Point]:
    """The points that are shown, and of a finite space those that must have been given besides, this time round."""
    shown, size, issued = request.history.seen, request.space.size, request.issued
    if size is None or issued <= len(shown):
        return shown
    first = max(issued - issued % size, issued - _MOST_REPEATED)
    earlier = draws(request.space, request.seed, frozenset(), range(first, issued))
    if len(shown) >= size:
        return frozenset(earlier)
    known = shown.union(earlier)
    # Trials of another origin make the repeated draws wrong: what is shown counts for more.
    return known if len(known) < size else shown


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
