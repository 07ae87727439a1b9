"""The space of an experiment: all points that its trials may have, finite or not, and the way to and from texts.

A point has one value per parameter, in the order of declaration; two points are equal when they are the same trial.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from katib_suggestions.declarations import MOST_PARAMETERS, dimension
from katib_suggestions.dimensions import Dimension, Value
from katib_suggestions.experiment import Parameter

Point = tuple[Value, ...]

__all__ = ["Dimension", "InvalidExperiment", "Point", "SearchSpace", "Value"]


class InvalidExperiment(ValueError):
    """Everything that is wrong with an experiment; nothing of it has been started."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class SearchSpace:
    """`size` is the number of distinct points, None when a parameter is continuous."""

    dimensions: tuple[Dimension, ...]
    size: int | None

    @classmethod
    def of(cls, parameters: Sequence[Parameter]) -> "SearchSpace":
        """Raises InvalidExperiment with all problems of all parameters."""
        problems = _problems_of_names(parameters)
        if len(parameters) > MOST_PARAMETERS:
            raise InvalidExperiment([f"{len(parameters)} parameters; at most {MOST_PARAMETERS} are taken"])
        dimensions: list[Dimension] = []
        for parameter in parameters:
            built, wrong = dimension(parameter)
            problems += [f"parameter {parameter.name!r}: {problem}" for problem in wrong]
            if built is not None:
                dimensions.append(built)
        if problems:
            raise InvalidExperiment(problems)
        counts = [each.cardinality for each in dimensions]
        return cls(tuple(dimensions), math.prod(count for count in counts if count) if None not in counts else None)

    def read(self, assignments: Mapping[str, str]) -> Point | None:
        """None for a trial of another space: a parameter too many or too few, or a value that this space has not."""
        if len(assignments) != len(self.dimensions):
            return None
        values: list[Value] = []
        for each in self.dimensions:
            text = assignments.get(each.name)
            value = None if text is None else each.read(text)
            if value is None:
                return None
            values.append(value)
        return tuple(values)

    def write(self, point: Point) -> dict[str, str]:
        return {each.name: each.text(value) for each, value in zip(self.dimensions, point, strict=True)}

    def to_unit(self, point: Point) -> tuple[float, ...]:
        return tuple(each.to_unit(value) for each, value in zip(self.dimensions, point, strict=True))

    def from_unit(self, units: Sequence[float]) -> Point:
        return tuple(each.from_unit(unit) for each, unit in zip(self.dimensions, units, strict=True))

    def index(self, point: Point) -> int:
        """The place of a point of a finite space in the order of `point`."""
        index = 0
        for each, value in zip(self.dimensions, point, strict=True):
            index = index * (each.cardinality or 0) + each.index(value)
        return index

    def point(self, index: int) -> Point:
        """The point at `index`, 0 … size - 1: the last parameter changes fastest, as in nested loops."""
        values: list[Value] = []
        for each in reversed(self.dimensions):
            index, digit = divmod(index, each.cardinality or 1)
            values.append(each.from_index(digit))
        return tuple(reversed(values))


def _problems_of_names(parameters: Sequence[Parameter]) -> list[str]:
    if not parameters:
        return ["there are no parameters"]
    problems = [f"parameter {place} has no name" for place, each in enumerate(parameters, 1) if not each.name]
    seen: set[str] = set()
    for each in parameters:
        if each.name and each.name in seen:
            problems.append(f"parameter {each.name!r} is declared twice")
        seen.add(each.name)
    return problems
