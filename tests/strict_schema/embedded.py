"""Whole objects inside others, such as the job in a Katib experiment's trial template: checked like any object."""

from collections.abc import Iterator
from typing import Any

from tests.strict_schema.finding import child, element
from tests.strict_schema.node import Node


def embedded_objects(node: Node | None, value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Objects with a type of their own, at places where the schema lets any field through."""
    if node is None:
        return
    if isinstance(value, dict):
        if path and (node.free or node.embedded) and _is_object(value):
            yield path, value
            return
        for name, inner in value.items():
            yield from embedded_objects(node.child(str(name)), inner, child(path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from embedded_objects(node.items, inner, element(path, index))


def _is_object(value: dict[str, Any]) -> bool:
    """A reference has a type too, but nothing to check."""
    typed = isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str)
    return typed and ("metadata" in value or "spec" in value)
