"""What a trial is told when it is created: the condition under which it is ended early."""

from dataclasses import dataclass
from enum import StrEnum


class Comparison(StrEnum):
    """In Katib's words."""

    EQUAL = "equal"
    LESS = "less"
    GREATER = "greater"


@dataclass(frozen=True)
class StoppingRule:
    """After ``start_step`` values of the metric, a trial ends whose best value so far compares so with ``value``.

    Katib's metrics collector looks once, when exactly so many values have been seen, and at each of them for 0.
    """

    metric: str
    value: float
    comparison: Comparison
    start_step: int
