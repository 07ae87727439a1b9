"""What an algorithm is: a pure function from what is known of an experiment to its next points.

It keeps nothing between calls. What it draws at random it draws from `Request.seed`, `Request.issued` and the history,
so that a repeated request gives the same answer and a later one goes on, in this process or in any other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from katib_suggestions.algorithms.settings import SettingsTable
from katib_suggestions.experiment import Experiment
from katib_suggestions.history import History
from katib_suggestions.search_space import Point, SearchSpace


def _go_on() -> None:
    pass


@dataclass(frozen=True)
class Request:
    """`issued`: how many points this experiment has been given before, as far as is known; at least those in `history`.

    It may be more than the history has: a controller leaves out trials without metrics, and those not created yet.
    """

    experiment: Experiment
    space: SearchSpace
    history: History
    count: int
    settings: Mapping[str, Any]
    issued: int
    checkpoint: Callable[[], None] = _go_on
    """To be called before work that takes long; it raises what ends the request when nobody waits for it any more."""

    @property
    def seed(self) -> str:
        """What random draws begin from: random_state, or else the experiment's name, which a restart does not lose."""
        state = self.settings.get("random_state")
        return f"experiment {self.experiment.name}" if state is None else f"random_state {state}"


class Algorithm(Protocol):
    @property
    def settings(self) -> SettingsTable: ...

    def validate(self, experiment: Experiment, space: SearchSpace) -> list[str]:
        """What keeps this algorithm from this experiment, besides its settings, which the table has checked."""
        ...

    def suggest(self, request: Request) -> list[Point]:
        """Exactly `request.count` points: distinct and not in `history.seen` while the space has any left."""
        ...
