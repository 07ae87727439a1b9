"""What a schema says of a single value, whatever lies below it: type, limits, pattern, format, enumeration."""

import functools
import json
from collections.abc import Iterator
from typing import Any

import re2

from tests.strict_schema.finding import shown, type_of
from tests.strict_schema.formats import format_problem
from tests.strict_schema.names import (
    Check,
    dns_label,
    label_key,
    label_value,
    port_name,
    variable_name,
)
from tests.strict_schema.node import NAMES, Node
from tests.strict_schema.quantities import quantity_problem

NAME_CHECKS: dict[str, Check] = {
    "dns_label": dns_label,
    "label_key": label_key,
    "label_value": label_value,
    "port_name": port_name,
    "variable_name": variable_name,
}


@functools.cache
def expression(pattern: str) -> Any:
    """Go's regular expressions are RE2's."""
    return re2.compile(pattern)


def canonical(value: Any) -> str:
    """Equal exactly where JSON is: True is not 1 here."""
    return json.dumps(value, sort_keys=True)


def type_problem(node: Node, value: Any) -> str | None:
    found = type_of(value)
    if value is None:
        return None if node.raw.get("nullable") or (not node.type and node.free) else "must not be null"
    if node.quantity:
        return quantity_problem(value)
    if node.int_or_string:
        return None if found in ("integer", "string") else f"must be integer or string, not {found}"
    wanted = node.type
    if wanted in (None, found) or (wanted == "number" and found == "integer"):
        return None
    return f"must be {wanted}, not {found} ({shown(value)})"


def value_problems(node: Node, value: Any) -> Iterator[str]:
    """Limits of the value, of the right type by now."""
    allowed = node.raw.get("enum")
    if allowed is not None and canonical(value) not in [canonical(each) for each in allowed]:
        yield f"{shown(value)} is none of {', '.join(str(each) for each in allowed)}"
    if isinstance(value, str):
        yield from _string_problems(node, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_problems(node, value)
    elif isinstance(value, list | dict):
        yield from _size_problems(node, value)
    if "format" in node.raw and (problem := format_problem(node.raw["format"], value)):
        yield problem


def _string_problems(node: Node, value: str) -> Iterator[str]:
    raw = node.raw
    if len(value) < raw.get("minLength", 0):
        yield f"{shown(value)} has {len(value)} characters, at least {raw['minLength']} are wanted"
    if len(value) > raw.get("maxLength", len(value)):
        yield f"{shown(value)} has {len(value)} characters, at most {raw['maxLength']} are let through"
    pattern = raw.get("pattern")
    if pattern and not node.quantity and not expression(pattern).search(value):
        yield f"{shown(value)} does not match {pattern}"
    if NAMES in raw and (problem := NAME_CHECKS[raw[NAMES]](value)):
        yield problem


def _number_problems(node: Node, value: float) -> Iterator[str]:
    raw = node.raw
    low, high, step = raw.get("minimum"), raw.get("maximum"), raw.get("multipleOf")
    if low is not None and (value < low or (raw.get("exclusiveMinimum") and value == low)):
        yield f"{value} is under the minimum {low}"
    if high is not None and (value > high or (raw.get("exclusiveMaximum") and value == high)):
        yield f"{value} is over the maximum {high}"
    if step and value % step:
        yield f"{value} is no multiple of {step}"


def _size_problems(node: Node, value: list[Any] | dict[str, Any]) -> Iterator[str]:
    raw, size = node.raw, len(value)
    fewest, most = ("minItems", "maxItems") if isinstance(value, list) else ("minProperties", "maxProperties")
    if size < raw.get(fewest, 0):
        yield f"has {size} entries, at least {raw[fewest]} are wanted"
    if size > raw.get(most, size):
        yield f"has {size} entries, at most {raw[most]} are let through"
