"""The Python function that stands for a training: how it is found, called and understood."""

import importlib
import math
import numbers
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from katib_suggestions.experiment import Experiment, ParameterType
from katib_suggestions.usage import UsageError

Values = Mapping[str, Any]
# Gets the hyperparameters by name; gives a number, a number per metric, or an iterable of either: a learning curve.
Objective = Callable[[Values], Any]


class NoValue(ValueError):
    """What the function gave is neither a number nor a number per metric."""


def load(name: str) -> Objective:
    """``module:function``; modules of the current directory are found, too.

    Raises UsageError.
    """
    module_name, _, function_name = name.partition(":")
    if not (module_name and function_name) or module_name.startswith("."):
        raise UsageError(f"--objective {name!r} is no module:function, such as training:loss")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UsageError(f"--objective {name}: {error}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise UsageError(f"--objective {name}: {module_name} has no function {function_name}")
    return function


def typed(experiment: Experiment, assignments: Mapping[str, str]) -> dict[str, Any]:
    """The hyperparameters as a Python function wants them: int, float, or text for categorical ones."""
    types = {each.name: each.type for each in experiment.parameters}
    return {name: _value(types[name], text) for name, text in assignments.items()}


def _value(type_: ParameterType, text: str) -> int | float | str:
    if type_ is ParameterType.CATEGORICAL:
        return text
    number = Decimal(text)
    whole = type_ is not ParameterType.DOUBLE and number == number.to_integral_value()
    return int(number) if whole else float(number)


def steps(given: Any, metric: str) -> Iterator[dict[str, float]]:
    """What a trial reports, step by step; a plain number is one step of the objective's metric.

    Raises NoValue.
    """
    if _is_number(given) or isinstance(given, Mapping):
        yield _step(given, metric)
        return
    if given is None or isinstance(given, str | bytes) or not hasattr(given, "__iter__"):
        raise NoValue(f"gave {given!r}; a number, a mapping of metrics to numbers, or an iterable of these is needed")
    for each in given:
        yield _step(each, metric)


def _step(given: Any, metric: str) -> dict[str, float]:
    if _is_number(given):
        return {metric: float(given)}
    if isinstance(given, Mapping) and all(_is_number(value) for value in given.values()):
        return {str(name): float(value) for name, value in given.items()}
    raise NoValue(f"reported {given!r}; a number or a mapping of metrics to numbers is needed")


def _is_number(given: Any) -> bool:
    # numpy's numbers are registered as such.
    return isinstance(given, numbers.Real) and not isinstance(given, bool)


def reduced(values: list[float], strategy: str) -> float:
    """As Katib reduces the values of a metric; nan only where there is nothing else."""
    known = [value for value in values if not math.isnan(value)]
    if not known or strategy == "latest":
        return values[-1]
    return max(known) if strategy == "max" else min(known)
