"""The defaults of a schema, which the API server sets before it validates: required fields and rules see them."""

import copy
from typing import Any

from tests.strict_schema.node import Node


def with_defaults(node: Node | None, value: Any) -> Any:
    """A copy of the value in which the schema's defaults stand."""
    if node is None:
        return value
    if isinstance(value, dict):
        whole = {**{name: copy.deepcopy(default) for name, default in node.defaults.items()}, **value}
        return {name: with_defaults(node.child(str(name)), inner) for name, inner in whole.items()}
    if isinstance(value, list):
        return [with_defaults(node.items, inner) for inner in value]
    return value
