"""What to search, as pipeline authors write it, in Katib's words and in those of the REST API. Pure.

{"learning_rate": {"type": "double", "min": 0.001, "max": 0.1, "distribution": "logUniform"},
 "layers": {"type": "int", "min": 1, "max": 4},
 "optimizer": {"values": ["sgd", "adam"]}}
"""

from collections.abc import Mapping, Sequence
from typing import Any

from katib_suggestions.experiment import Distribution, Parameter, ParameterType
from kfp_components.easymaker.runs.program import text_of

_KEYS = ("type", "min", "max", "step", "values", "distribution")
_NUMERIC = (ParameterType.DOUBLE, ParameterType.INT)


class InvalidSearchSpace(ValueError):
    """The text names the hyperparameter."""


def parameters(space: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Whether bounds make sense is said by katib_suggestions; here it is only whether they can be read."""
    if not space:
        raise InvalidSearchSpace("search_space is empty: it says which hyperparameters are tuned")
    return tuple(_parameter(name, given) for name, given in space.items())


def wire(found: Sequence[Parameter]) -> list[dict[str, str]]:
    """As the REST API and the SDK have them.

    Raises:
        InvalidSearchSpace: something that only the local loop can do.
    """
    for each in found:
        if each.distribution is not Distribution.UNIFORM:
            raise InvalidSearchSpace(f"{each.name}: EasyMaker's tunings know no distribution {each.distribution}")
        if any("," in value for value in each.list):
            raise InvalidSearchSpace(f"{each.name}: a value with a comma cannot be given to EasyMaker's tunings")
    return [_wire(each) for each in found]


def fixed(hyperparameters: Mapping[str, str]) -> tuple[Parameter, ...]:
    """Hyperparameters with one value each, for a tuning that knows no others."""
    return tuple(Parameter(name, ParameterType.CATEGORICAL, list=(value,)) for name, value in hyperparameters.items())


def _parameter(name: str, given: Any) -> Parameter:
    if not isinstance(given, Mapping) or not given:
        raise InvalidSearchSpace(f"{name}: give an object such as {{'type': 'double', 'min': 0, 'max': 1}}")
    unknown = sorted(set(given) - set(_KEYS))
    if unknown:
        raise InvalidSearchSpace(f"{name}: {unknown[0]} is none of {', '.join(_KEYS)}")
    of_type = str(given.get("type") or ("categorical" if "values" in given else ""))
    if of_type not in tuple(ParameterType):
        raise InvalidSearchSpace(f"{name}: type {of_type!r} is none of {', '.join(ParameterType)}")
    distribution = str(given.get("distribution") or Distribution.UNIFORM)
    if distribution not in tuple(Distribution):
        raise InvalidSearchSpace(f"{name}: distribution {distribution!r} is none of {', '.join(Distribution)}")
    values = given.get("values", [])
    if not isinstance(values, list):
        raise InvalidSearchSpace(f"{name}: values must be a list")
    return Parameter(
        name,
        ParameterType(of_type),
        min=text_of(given.get("min", "")),
        max=text_of(given.get("max", "")),
        step=text_of(given.get("step", "")),
        list=tuple(text_of(value) for value in values),
        distribution=Distribution(distribution),
    )


def _wire(each: Parameter) -> dict[str, str]:
    told = {"hyperparameterName": each.name, "hyperparameterTypeCode": each.type.value}
    if each.type in _NUMERIC:
        bounds = {
            "hyperparameterMinValue": each.min,
            "hyperparameterMaxValue": each.max,
            "hyperparameterStep": each.step,
        }
        return told | {name: value for name, value in bounds.items() if value}
    return told | {"hyperparameterSpecifiedValues": ",".join(each.list)}
