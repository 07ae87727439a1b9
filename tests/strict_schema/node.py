"""A schema as the checks walk it: children are built when a manifest first reaches them, as CRDs have megabytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

Schema = dict[str, Any]
Translate = Callable[[Schema], Schema]

# Marks of our own beside x-kubernetes-*: translations of built-in schemas set them.
QUANTITY = "x-strict-quantity"
OBJECT_META = "x-strict-object-meta"
NAMES = "x-strict-names"
ROOT_FIELDS: Schema = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object", OBJECT_META: True},
}
# As controller-gen writes resource.Quantity.
QUANTITY_PATTERN_START = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|"


def unchanged(schema: Schema) -> Schema:
    return schema


class Node:
    """One place of a structural schema."""

    def __init__(self, raw: Schema, translate: Translate = unchanged) -> None:
        self.raw = translate(raw)
        self._translate = translate
        self._children: dict[str, Node] = {}

    def _node(self, raw: Schema) -> Node:
        return Node(raw, self._translate)

    @cached_property
    def type(self) -> str | None:
        return self.raw.get("type")

    @cached_property
    def int_or_string(self) -> bool:
        return bool(self.raw.get("x-kubernetes-int-or-string"))

    @cached_property
    def quantity(self) -> bool:
        return bool(self.raw.get(QUANTITY)) or str(self.raw.get("pattern")).startswith(QUANTITY_PATTERN_START)

    @cached_property
    def embedded(self) -> bool:
        return bool(self.raw.get("x-kubernetes-embedded-resource"))

    @cached_property
    def free(self) -> bool:
        """Unknown fields are kept."""
        return bool(self.raw.get("x-kubernetes-preserve-unknown-fields")) or bool(self.raw.get(OBJECT_META))

    @cached_property
    def properties(self) -> dict[str, Schema]:
        own: dict[str, Schema] = self.raw.get("properties") or {}
        return {**own, **ROOT_FIELDS} if self.embedded else own

    @cached_property
    def defaults(self) -> dict[str, Any]:
        return {name: raw["default"] for name, raw in self.properties.items() if "default" in raw}

    @cached_property
    def additional(self) -> Node | None:
        """The schema of every value of a map; None where the object has fields of its own instead."""
        wanted = self.raw.get("additionalProperties")
        if isinstance(wanted, dict):
            return self._node(wanted)
        return Node({"x-kubernetes-preserve-unknown-fields": True}) if wanted is True else None

    @cached_property
    def items(self) -> Node | None:
        wanted = self.raw.get("items")
        return self._node(wanted) if isinstance(wanted, dict) else None

    @cached_property
    def rules(self) -> list[dict[str, str]]:
        return self.raw.get("x-kubernetes-validations") or []

    def alternatives(self, keyword: str) -> list[Node]:
        return [self._node(raw) for raw in self.raw.get(keyword) or []]

    @cached_property
    def any_of(self) -> list[Node]:
        return self.alternatives("anyOf")

    @cached_property
    def all_of(self) -> list[Node]:
        return self.alternatives("allOf")

    @cached_property
    def one_of(self) -> list[Node]:
        return self.alternatives("oneOf")

    @cached_property
    def negated(self) -> Node | None:
        return self._node(self.raw["not"]) if self.raw.get("not") is not None else None

    def child(self, name: str) -> Node | None:
        """The schema of a field or of a map's value; None where the schema knows neither."""
        if name in self._children:
            return self._children[name]
        if name not in self.properties:
            return self.additional
        node = self._children[name] = self._node(self.properties[name])
        return node


def root_of(schema: Schema) -> Node:
    """A whole object's schema: type, metadata and status are always there, whether the CRD lists them or not."""
    fields = {**(schema.get("properties") or {}), **ROOT_FIELDS}
    return Node({**schema, "properties": fields, "required": [*(schema.get("required") or []), "apiVersion", "kind"]})
