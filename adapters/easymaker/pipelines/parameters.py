"""What a pipeline asks its caller for, and whether what the caller gives is that.

Values come as text from the console and the SDK, and as JSON from elsewhere; both end as the declared type.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.specification import Port, Specification

Json = Any

VALUE_LIMIT = 256 * 1024
DEPTH_LIMIT = 64

# As both Python and Kubeflow's backend read them; Python's own int() takes underscores and every alphabet's digits too.
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DOUBLE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_SYSTEM_TYPES = {"TASK_FINAL_STATUS", "TASK_CONFIG"}


class InvalidParameters(ValueError):
    """Some values do not suit; ``problems`` has a line for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class Parameter:
    """``is_optional`` as Kubeflow means it: it need not be given. Without a default it is then absent (None)."""

    name: str
    type: str
    is_optional: bool
    has_default: bool
    default: Json
    description: str = ""
    literals: tuple[Json, ...] = ()

    @property
    def default_text(self) -> str | None:
        """The default as the API shows it."""
        return text_of(self.default) if self.has_default else None


def parameters(specification: Specification) -> tuple[Parameter, ...]:
    """The parameters of the whole pipeline in the document's order; InvalidPipeline for a default of another type."""
    found: list[Parameter] = []
    problems: list[str] = []
    for port in specification.root.inputs.parameters.values():
        try:
            found.append(_parameter(port))
        except ValueError as error:
            problems.append(f"root.inputDefinitions.parameters.{port.name}: {error}")
    problems += [
        f"root.inputDefinitions.artifacts.{port.name}: a pipeline's caller cannot give artifacts: use dsl.importer"
        for port in specification.root.inputs.artifacts.values()
        if not port.optional
    ]
    if problems:
        raise InvalidPipeline(problems)
    return tuple(found)


def _parameter(port: Port) -> Parameter:
    if port.type in _SYSTEM_TYPES:
        raise ValueError(f"a {port.type} is made by Kubeflow for a task, no caller can give it to a pipeline")
    default = typed(port.type, port.default) if port.has_default else None
    return Parameter(
        name=port.name,
        type=port.type,
        is_optional=port.optional or port.has_default,
        has_default=port.has_default,
        default=default,
        description=port.description,
        literals=port.literals,
    )


def check(declared: Iterable[Parameter], given: Mapping[str, Json]) -> dict[str, Json]:
    """The given values in their types, without the defaults; InvalidParameters with everything that is wrong."""
    by_name = {parameter.name: parameter for parameter in declared}
    problems = [f"the pipeline has no parameter {name[:100]!r}" for name in given if name not in by_name]
    values: dict[str, Json] = {}
    for name, parameter in by_name.items():
        if name in given:
            try:
                values[name] = _checked(parameter, given[name])
            except ValueError as error:
                problems.append(f"parameter {name}: {error}")
        elif not parameter.is_optional:
            problems.append(f"parameter {name} ({parameter.type}) must be given: it has no default")
    if problems:
        raise InvalidParameters(problems)
    return values


def with_defaults(declared: Iterable[Parameter], values: Mapping[str, Json]) -> dict[str, Json]:
    """Every parameter's value in a run with ``values``; None where an optional one is absent."""
    return {each.name: values.get(each.name, each.default) for each in declared}


def _checked(parameter: Parameter, given: Json) -> Json:
    value = typed(parameter.type, given)
    if parameter.literals and not any(_same(value, literal) for literal in parameter.literals):
        raise ValueError(f"must be one of {', '.join(text_of(each) for each in parameter.literals)[:500]}")
    return value


def _same(value: Json, literal: Json) -> bool:
    return value == literal and isinstance(value, bool) == isinstance(literal, bool)


def typed(kind: str, given: Json) -> Json:
    """``given``, text or JSON, as a value of the parameter type ``kind``; ValueError says what it should have been."""
    if isinstance(given, str) and len(given) > VALUE_LIMIT:
        raise ValueError(f"longer than {VALUE_LIMIT} characters")
    if kind == "STRING":
        return _string(given)
    if kind == "NUMBER_INTEGER":
        return _integer(given)
    if kind == "NUMBER_DOUBLE":
        return _double(given)
    if kind == "BOOLEAN":
        return _boolean(given)
    return _structure(kind, given)


def text_of(value: Json) -> str:
    """A value as text that ``typed`` reads back."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _string(given: Json) -> str:
    if not isinstance(given, str):
        raise ValueError(f"must be text, not {_shown(given)}")
    if "\0" in given or any("\ud800" <= character <= "\udfff" for character in given):
        raise ValueError("must not hold a NUL or half a surrogate pair")
    return given


def _integer(given: Json) -> int:
    value = given
    if isinstance(given, str):
        value = int(given.strip()) if _INTEGER.fullmatch(given.strip()) else None
    elif isinstance(given, float) and given.is_integer():
        # JSON and YAML know one kind of number; kfp writes a default of 100 as 100.0.
        value = int(given)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError(f"must be a whole number of 64 bits, not {_shown(given)}")
    return value


def _double(given: Json) -> float:
    value = given
    if isinstance(given, str):
        value = float(given) if _DOUBLE.fullmatch(given.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1.7976931348623157e308:
        raise ValueError(f"must be a finite number, not {_shown(given)}")
    return float(value)


def _boolean(given: Json) -> bool:
    value = _BOOLEANS.get(given.strip().lower()) if isinstance(given, str) else given
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_shown(given)}")
    return value


def _structure(kind: str, given: Json) -> Json:
    shape, told = (list, "a JSON array") if kind == "LIST" else (dict, "a JSON object")
    value = _parsed(given, told) if isinstance(given, str) else given
    if not isinstance(value, shape):
        raise ValueError(f"must be {told}, not {_shown(given)}")
    _check_json(value, 1)
    return cast(Json, value)


def _parsed(text: str, told: str) -> Json:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise ValueError(f"nested deeper than {DEPTH_LIMIT} levels") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"must be {told}: line {error.lineno}, column {error.colno}: {error.msg}") from None


def _without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _check_json(value: Json, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise ValueError(f"nested deeper than {DEPTH_LIMIT} levels")
    if isinstance(value, str):
        _string(value)
    elif isinstance(value, dict):
        for key, item in cast("dict[Json, Json]", value).items():
            _string(key)
            _check_json(item, depth + 1)
    elif isinstance(value, list):
        for item in cast("list[Json]", value):
            _check_json(item, depth + 1)
    elif value is not None and not isinstance(value, bool):
        _double(value)


def _shown(value: Json) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text[:60]) if isinstance(value, str) else text[:60]
