"""From a parameter as declared to a dimension, or to everything that is wrong with the declaration, at once."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from katib_suggestions.coding import is_logarithmic
from katib_suggestions.decimals import EXACT, LONGEST_EXACT, digits_between, grid_count, number, whole_number
from katib_suggestions.dimensions import (
    ContinuousDimension,
    Dimension,
    IntDimension,
    ListDimension,
    SteppedDimension,
)
from katib_suggestions.experiment import Distribution, Parameter, ParameterType

MOST_PARAMETERS = 1000
MOST_VALUES = 10_000
# Finer than this, against the size of the numbers, values are no longer told apart as doubles.
_RESOLUTION = Decimal(2) ** -50
_NARROWEST = Decimal("1e-9")


def dimension(parameter: Parameter) -> tuple[Dimension | None, list[str]]:
    """The dimension, or None and what is wrong."""
    problems: list[str] = []
    if parameter.type not in tuple(ParameterType):
        problems.append(f"unknown type {str(parameter.type)!r}; known are {', '.join(ParameterType)}")
    if parameter.distribution not in tuple(Distribution):
        problems.append(f"unknown distribution {str(parameter.distribution)!r}; known are {', '.join(Distribution)}")
    if problems:
        return None, problems
    type_, distribution = ParameterType(parameter.type), Distribution(parameter.distribution)
    listed = type_ in (ParameterType.DISCRETE, ParameterType.CATEGORICAL)
    return (_listed if listed else _numeric)(replace(parameter, type=type_, distribution=distribution))


def _numeric(parameter: Parameter) -> tuple[Dimension | None, list[str]]:
    problems: list[str] = []
    parse = whole_number if parameter.type is ParameterType.INT else number
    if parameter.list:
        problems.append(f"a list belongs to discrete and categorical, not to {parameter.type}")
    low = _number(problems, "min", parameter.min, parse)
    high = _number(problems, "max", parameter.max, parse)
    step = _number(problems, "step", parameter.step, parse) if parameter.step.strip() else None
    if step is not None and step <= 0:
        problems.append(f"step must be above 0, but is {parameter.step}")
    if low is not None and is_logarithmic(parameter.distribution) and low <= 0:
        problems.append(f"min must be above 0 for {parameter.distribution}, but is {parameter.min}")
    if low is not None and high is not None:
        problems += _box_problems(parameter, low, high, step)
    if problems or low is None or high is None:
        return None, problems
    return _of_box(parameter, low, high, step), []


def _box_problems(parameter: Parameter, low: Decimal, high: Decimal, step: Decimal | None) -> list[str]:
    if low > high:
        return [f"min is above max: {parameter.min} > {parameter.max}"]
    width = EXACT.subtract(high, low)
    if width == 0:
        return []
    largest = max(abs(low), abs(high))
    if abs(float(width)) == float("inf"):
        return [f"the range from {parameter.min} to {parameter.max} is wider than a double can hold"]
    if step is None:
        narrow = parameter.type is ParameterType.DOUBLE and width < largest * _NARROWEST
        return [f"the range from {parameter.min} to {parameter.max} is too narrow to be searched"] if narrow else []
    if step > width:
        return [f"step {parameter.step} is wider than the range from {parameter.min} to {parameter.max}"]
    if parameter.type is ParameterType.DOUBLE and (digits := digits_between(largest, low, step)) > LONGEST_EXACT:
        values = f"min {parameter.min} and step {parameter.step} make values of {digits} digits"
        return [f"{values}; at most {LONGEST_EXACT} can be written and read again"]
    if parameter.type is ParameterType.DOUBLE and 0 < step < largest * _RESOLUTION:
        return [f"step {parameter.step} is too fine to tell values up to {largest} apart; leave it out"]
    return []


def _of_box(parameter: Parameter, low: Decimal, high: Decimal, step: Decimal | None) -> Dimension:
    """min == max is a single value, with or without a step: a user's way to hold a parameter still."""
    if parameter.type is ParameterType.INT:
        step = Decimal(1) if step is None else step
        return IntDimension(parameter, (low, high), step, grid_count(low, high, step))
    if step is None and low < high:
        return ContinuousDimension(parameter, low, high)
    step = Decimal(1) if step is None else step
    return SteppedDimension(parameter, (low, high), step, grid_count(low, high, step))


def _listed(parameter: Parameter) -> tuple[Dimension | None, list[str]]:
    problems = [
        f"{field} belongs to int and double, not to {parameter.type}"
        for field in ("min", "max", "step")
        if getattr(parameter, field).strip()
    ]
    values = parameter.list
    if not values:
        problems.append("the list is empty")
    if len(values) > MOST_VALUES:
        return None, [*problems, f"the list has {len(values)} values; at most {MOST_VALUES} are taken"]
    texts = _by_size(problems, values) if parameter.type is ParameterType.DISCRETE else _distinct(problems, values)
    return (None, problems) if problems else (ListDimension(parameter, texts), [])


def _distinct(problems: list[str], values: tuple[str, ...]) -> list[str]:
    twice = sorted({value for value in values if values.count(value) > 1}) if len(set(values)) < len(values) else []
    problems += [f"{value!r} is listed twice" for value in twice]
    return list(values)


def _by_size(problems: list[str], values: tuple[str, ...]) -> list[str]:
    texts: dict[Decimal, str] = {}
    for text in values:
        value = _number(problems, "a listed value", text, number)
        if value is None:
            continue
        if value in texts:
            problems.append(f"{texts[value]!r} and {text!r} are the same value, listed twice")
        texts.setdefault(value, text)
    return [texts[value] for value in sorted(texts)]


def _number(problems: list[str], what: str, text: str, parse: Callable[[str], Decimal]) -> Decimal | None:
    if not text.strip():
        problems.append(f"{what} is missing" if what in ("min", "max", "step") else f"{what} is empty")
        return None
    try:
        return parse(text)
    except ValueError as reason:
        problems.append(f"{what} {reason}")
        return None
