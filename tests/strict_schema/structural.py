"""The walk over a manifest and its structural schema: unknown fields, required ones, lists with keys, alternatives."""

from collections.abc import Iterator
from typing import Any

from tests.strict_schema.finding import Finding, child, element, shown
from tests.strict_schema.metadata import Naming, map_findings, metadata_findings
from tests.strict_schema.node import OBJECT_META, Node
from tests.strict_schema.value_checks import canonical, type_problem, value_problems

EMBEDDED = Naming(embedded=True)


def structural_findings(node: Node, value: Any, path: str = "") -> Iterator[Finding]:
    """Every mistake that the schema shows, rules in CEL apart."""
    if problem := type_problem(node, value):
        yield Finding(path, problem)
        return
    if value is None:
        return
    if node.raw.get(OBJECT_META):
        # The outermost one is checked with the kind's own naming, by the validator.
        if path != "metadata":
            yield from metadata_findings(value, path, EMBEDDED)
        return
    yield from (Finding(path, problem) for problem in value_problems(node, value))
    yield from _alternative_findings(node, value, path)
    if isinstance(value, dict):
        yield from _object_findings(node, value, path)
    elif isinstance(value, list):
        yield from _list_findings(node, value, path)


def _object_findings(node: Node, value: dict[Any, Any], path: str) -> Iterator[Finding]:
    yield from _missing_findings(node, value, path)
    for name, inner in value.items():
        place = child(path, name)
        known = node.child(name) if isinstance(name, str) else None
        if not isinstance(name, str):
            yield Finding(place, f"the key {name!r} is no string")
        elif known is not None:
            yield from structural_findings(known, inner, place)
            # Metadata of templates inside custom resources, whose schema says nothing of its syntax.
            if name == "metadata" and isinstance(inner, dict) and not known.raw.get(OBJECT_META):
                yield from map_findings(inner, place)
        elif not node.free:
            yield Finding(place, "unknown field")


def _missing_findings(node: Node, value: dict[Any, Any], path: str) -> Iterator[Finding]:
    for name in node.raw.get("required") or []:
        if name not in value:
            yield Finding(child(path, name), "is required")


def _list_findings(node: Node, value: list[Any], path: str) -> Iterator[Finding]:
    if node.items is not None:
        for index, inner in enumerate(value):
            yield from structural_findings(node.items, inner, element(path, index))
    kind = node.raw.get("x-kubernetes-list-type")
    if kind == "map":
        yield from _repeated(node.raw.get("x-kubernetes-list-map-keys") or [], value, path)
    elif kind == "set" or node.raw.get("uniqueItems"):
        yield from _repeated([], value, path)


def _repeated(keys: list[str], value: list[Any], path: str) -> Iterator[Finding]:
    """Entries that the server would take for one: by their keys, or by their whole value."""
    seen: dict[str, int] = {}
    for index, inner in enumerate(value):
        if keys and not isinstance(inner, dict):
            continue
        identity = {key: inner.get(key) for key in keys} if keys else inner
        first = seen.setdefault(canonical(identity), index)
        if first != index:
            what = ", ".join(f"{key}={shown(inner.get(key))}" for key in keys) or shown(inner)
            yield Finding(element(path, index), f"repeats entry {first} ({what})")


def _alternative_findings(node: Node, value: Any, path: str) -> Iterator[Finding]:
    for every in node.all_of:
        yield from _value_only_findings(every, value, path)
    if node.any_of and not any(_fits(each, value) for each in node.any_of):
        yield Finding(path, f"fits none of: {_told(node.any_of)}")
    if node.one_of and (count := sum(_fits(each, value) for each in node.one_of)) != 1:
        yield Finding(path, f"fits {count} of these where exactly one is wanted: {_told(node.one_of)}")
    if node.negated is not None and _fits(node.negated, value):
        yield Finding(path, f"must not fit: {_told([node.negated])}")


def _fits(node: Node, value: Any) -> bool:
    return next(_value_only_findings(node, value, ""), None) is None


def _told(nodes: list[Node]) -> str:
    return shown([node.raw for node in nodes])


def _value_only_findings(node: Node, value: Any, path: str) -> Iterator[Finding]:
    """Inside anyOf, oneOf, allOf and not a schema limits values; which fields exist is said outside."""
    if node.type and (problem := type_problem(node, value)):
        yield Finding(path, problem)
        return
    yield from (Finding(path, problem) for problem in value_problems(node, value))
    yield from _alternative_findings(node, value, path)
    if isinstance(value, dict):
        yield from _missing_findings(node, value, path)
        for name, inner in value.items():
            if (known := node.child(str(name))) is not None:
                yield from _value_only_findings(known, inner, child(path, name))
    elif isinstance(value, list) and node.items is not None:
        for index, inner in enumerate(value):
            yield from _value_only_findings(node.items, inner, element(path, index))
