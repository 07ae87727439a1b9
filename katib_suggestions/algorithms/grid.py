"""Every point of a finite space, one after another: in the order of nested loops over the parameters as declared.

The first parameter changes slowest, the last fastest; numbers ascend, categories come in the order of their list.
The place of a point is a number in mixed radix, so the space is never laid out in memory, however large. Where the grid
has ended it begins again, since a controller that gets too few waits for ever; `validate` refuses a budget beyond it.
"""

from katib_suggestions.algorithms.base import Request
from katib_suggestions.algorithms.settings import SettingsTable, whole
from katib_suggestions.experiment import Experiment
from katib_suggestions.search_space import InvalidExperiment, Point, SearchSpace

_ORDERED = "the grid is walked in a fixed order, without chance"


class Grid:
    settings = SettingsTable(
        # Checked although without effect, as Katib's service checks it.
        known={"random_state": whole(0)},
        aliases={"seed": "random_state"},
        no_effect={"random_state": _ORDERED},
    )

    def validate(self, experiment: Experiment, space: SearchSpace) -> list[str]:
        problems = _endless(space)
        if space.size is not None and experiment.max_trials and experiment.max_trials > space.size:
            problems.append(
                f"Max Trial Count: {experiment.max_trials} > all possible search combinations: {space.size}"
            )
        return problems

    def suggest(self, request: Request) -> list[Point]:
        """On from the place after the points issued so far; then those left out; then all over again."""
        space, size = request.space, request.space.size
        if size is None:
            raise InvalidExperiment(_endless(space))
        seen = {space.index(point) for point in request.history.seen}
        left = min(size - len(seen), request.count)
        points: list[Point] = []
        place = request.issued % size
        while len(points) < left:
            if place not in seen:
                points.append(space.point(place))
            place = (place + 1) % size
        again = range(request.issued + left, request.issued + request.count)
        return points + [space.point(place % size) for place in again]


def _endless(space: SearchSpace) -> list[str]:
    return [
        f"parameter {each.name!r}: grid needs a step for a double (or type discrete)"
        for each in space.dimensions
        if each.cardinality is None
    ]


ALGORITHM = Grid()
