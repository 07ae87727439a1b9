"""One parameter of a search space: its values, their order, their texts, and their place in [0, 1]."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal

from katib_suggestions.coding import Coding, Range, grid_edges
from katib_suggestions.decimals import double_text, grid_position, grid_value, number
from katib_suggestions.experiment import Distribution, Parameter, ParameterType

# An int for an int parameter; for the others the text itself, in the one spelling that this space has for it.
Value = int | str

# So much of a step may a text be off its grid: other services write 0.30000000000000004 for 0.3.
_TOLERANCE = Decimal("1e-6")


def _cell(unit: float, count: int) -> int:
    """In which of `count` equal parts of [0, 1] `unit` lies."""
    return min(count - 1, int(min(1.0, max(0.0, unit)) * count))


class Dimension(ABC):
    """`cardinality` is the number of values, None where they are as many as there are doubles.

    `from_unit` of an even draw has the parameter's distribution. On finite dimensions `from_unit(to_unit(v)) == v` and
    `from_index(index(v)) == v`; an infinite one has no indices. `from_unit` takes what lies outside [0, 1] as its end.
    """

    def __init__(self, parameter: Parameter, cardinality: int | None) -> None:
        self.name = parameter.name
        self.type = parameter.type
        self.distribution = parameter.distribution
        self.cardinality = cardinality
        self._known: dict[str, Value | None] = {}

    @property
    def ordered(self) -> bool:
        return self.type is not ParameterType.CATEGORICAL

    def read(self, text: str) -> Value | None:
        """The value that a trial's text means; None when it is none of this parameter's."""
        try:
            return self._known[text]
        except KeyError:
            value = self._known[text] = self._read(text)
            return value

    def text(self, value: Value) -> str:
        return str(value)

    @abstractmethod
    def _read(self, text: str) -> Value | None: ...

    @abstractmethod
    def to_unit(self, value: Value) -> float: ...

    @abstractmethod
    def from_unit(self, unit: float) -> Value: ...

    @abstractmethod
    def index(self, value: Value) -> int: ...

    @abstractmethod
    def from_index(self, index: int) -> Value: ...


class ContinuousDimension(Dimension):
    """A double without a step. Its values are doubles in Python's shortest spelling."""

    def __init__(self, parameter: Parameter, low: Decimal, high: Decimal) -> None:
        super().__init__(parameter, None)
        self._low, self._high = float(low), float(high)
        self._low_text, self._high_text = double_text(low), double_text(high)
        box = Range(self._low, self._high)
        self._coding = Coding(parameter.distribution, box, box)

    def read(self, text: str) -> Value | None:
        return self._read(text)

    def _read(self, text: str) -> Value | None:
        try:
            value = float(text)
        except ValueError:
            return None
        return self._spelled(value) if self._low <= value <= self._high else None

    def to_unit(self, value: Value) -> float:
        return self._coding.to_unit(float(value))

    def from_unit(self, unit: float) -> Value:
        return self._spelled(self._coding.from_unit(unit))

    def index(self, value: Value) -> int:
        raise TypeError(f"{self.name} is continuous")

    def from_index(self, index: int) -> Value:
        raise TypeError(f"{self.name} is continuous")

    def _spelled(self, value: float) -> str:
        if value <= self._low:
            return self._low_text
        if value >= self._high:
            return self._high_text
        return repr(value + 0.0)


class _GridDimension(Dimension):
    """Values at equal distances: what an int and a double with a step have in common.

    Without a distribution of its own every value is equally likely, whatever the distance from the last value to max.
    """

    def __init__(self, parameter: Parameter, box: tuple[Decimal, Decimal], step: Decimal, count: int) -> None:
        super().__init__(parameter, count)
        self._count = count
        self._low, self._step = box[0], step
        self._low_double, self._step_double = float(box[0]), float(step)
        self._coding: Coding | None = None
        if parameter.distribution is not Distribution.UNIFORM and count > 1:
            top = float(grid_value(box[0], step, count - 1))
            edges = grid_edges(float(box[0]), top, float(step), parameter.distribution)
            self._coding = Coding(parameter.distribution, Range(float(box[0]), float(box[1])), edges)

    def to_unit(self, value: Value) -> float:
        if self._coding:
            return self._coding.to_unit(float(value))
        return (self.index(value) + 0.5) / self._count

    def from_unit(self, unit: float) -> Value:
        if self._coding is None:
            return self.from_index(_cell(unit, self._count))
        steps = (self._coding.from_unit(unit) - self._low_double) / self._step_double
        # Bounded first: at the end of what a double holds, the last steps may be infinite.
        return self.from_index(math.floor(min(self._count - 1, max(0, steps + 0.5))))

    def _index_of(self, text: str) -> int | None:
        try:
            steps = grid_position(self._low, self._step, number(text))
        except ValueError:
            return None
        index = int(steps.to_integral_value())
        near = abs(steps - index) <= _TOLERANCE and 0 <= index < self._count
        return index if near else None


class IntDimension(_GridDimension):
    def __init__(self, parameter: Parameter, box: tuple[Decimal, Decimal], step: Decimal, count: int) -> None:
        super().__init__(parameter, box, step, count)
        self._first, self._stride = int(box[0]), int(step)

    def _read(self, text: str) -> Value | None:
        index = self._index_of(text)
        return None if index is None else self.from_index(index)

    def index(self, value: Value) -> int:
        return (int(value) - self._first) // self._stride

    def from_index(self, index: int) -> Value:
        return self._first + index * self._stride


class SteppedDimension(_GridDimension):
    """A double with a step; the values are exact decimals."""

    def _read(self, text: str) -> Value | None:
        index = self._index_of(text)
        return None if index is None else self.from_index(index)

    def index(self, value: Value) -> int:
        return int(grid_position(self._low, self._step, Decimal(value)).to_integral_value())

    def from_index(self, index: int) -> Value:
        return double_text(grid_value(self._low, self._step, index))


class ListDimension(Dimension):
    """Listed values, spelled as listed: a discrete one's by size, a categorical one's in the order of the list.

    Each is equally likely and they lie at equal distances, however far apart the numbers of a discrete one are.
    """

    def __init__(self, parameter: Parameter, texts: Sequence[str]) -> None:
        super().__init__(parameter, len(texts))
        self._texts = tuple(texts)
        self._index = {text: index for index, text in enumerate(self._texts)}
        self._by_number = {}
        if parameter.type is ParameterType.DISCRETE:
            self._by_number = {number(text): text for text in self._texts}

    def _read(self, text: str) -> Value | None:
        if text in self._index:
            return text
        try:
            return self._by_number.get(number(text)) if self._by_number else None
        except ValueError:
            return None

    def to_unit(self, value: Value) -> float:
        return (self.index(value) + 0.5) / len(self._texts)

    def from_unit(self, unit: float) -> Value:
        return self._texts[_cell(unit, len(self._texts))]

    def index(self, value: Value) -> int:
        return self._index[str(value)]

    def from_index(self, index: int) -> Value:
        return self._texts[index]
