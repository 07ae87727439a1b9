"""A value with every field that a schema knows: rules run over it show that they can run, whatever their verdict."""

from typing import Any

from tests.strict_schema.node import OBJECT_META, Node

SCALARS: dict[str | None, Any] = {"string": "10s", "integer": 1, "number": 1, "boolean": True}


def sample_of(node: Node) -> Any:
    if node.raw.get(OBJECT_META):
        return {"name": "a"}
    if node.int_or_string:
        return 1
    if "enum" in node.raw:
        return node.raw["enum"][0]
    if node.type == "array":
        return [sample_of(node.items)] if node.items is not None else []
    if node.type != "object":
        return SCALARS.get(node.type)
    if node.additional is not None:
        return {"a": sample_of(node.additional)}
    return {name: sample_of(child) for name in node.properties if (child := node.child(name)) is not None}
