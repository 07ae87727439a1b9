"""ObjectMeta: fields, names, labels, annotations, owners and finalizers as the API machinery wants them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.strict_schema.finding import Finding, child, element, shown, type_of
from tests.strict_schema.formats import is_date_time
from tests.strict_schema.names import Check, dns_label, dns_subdomain, label_key, label_value

ANNOTATION_BYTES = 256 * 1024
FIELDS: dict[str, str] = {
    "annotations": "object",
    "creationTimestamp": "time",
    "deletionGracePeriodSeconds": "integer",
    "deletionTimestamp": "time",
    "finalizers": "array",
    "generateName": "string",
    "generation": "integer",
    "labels": "object",
    "managedFields": "array",
    "name": "string",
    "namespace": "string",
    "ownerReferences": "array",
    "resourceVersion": "string",
    "selfLink": "string",
    "uid": "string",
}
OWNER_FIELDS = {"apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"}
OWNER_REQUIRED = ("apiVersion", "kind", "name", "uid")


@dataclass(frozen=True, slots=True)
class Naming:
    """What a kind wants of its metadata; an object inside another one (a pod template) needs no name."""

    name: Check = dns_subdomain
    namespaced: bool | None = None
    embedded: bool = False


def metadata_findings(metadata: Any, path: str, naming: Naming) -> Iterator[Finding]:
    if metadata is None and naming.embedded:
        return
    if not isinstance(metadata, dict):
        yield Finding(path, f"is required, an object with a name, not {type_of(metadata)}")
        return
    wrong = list(_field_findings(metadata, path))
    yield from wrong
    if not wrong:
        yield from _name_findings(metadata, path, naming)
        yield from map_findings(metadata, path)
        yield from _owner_findings(metadata.get("ownerReferences", []), child(path, "ownerReferences"))
        for index, finalizer in enumerate(metadata.get("finalizers", [])):
            if problem := label_key(str(finalizer)):
                yield Finding(element(child(path, "finalizers"), index), problem)


def _field_findings(metadata: dict[Any, Any], path: str) -> Iterator[Finding]:
    for name, value in metadata.items():
        wanted = FIELDS.get(name)
        if wanted is None:
            yield Finding(child(path, name), "unknown field")
        elif wanted == "time":
            # Go programs print a creation time that is not there as null, and every server takes it so.
            if value is not None and not (isinstance(value, str) and is_date_time(value)):
                yield Finding(child(path, name), f"{shown(value)} is no date-time")
        elif type_of(value) != wanted:
            yield Finding(child(path, name), f"must be {wanted}, not {type_of(value)}")


def _name_findings(metadata: dict[str, Any], path: str, naming: Naming) -> Iterator[Finding]:
    name, prefix = metadata.get("name"), metadata.get("generateName")
    if not name and not prefix and not naming.embedded:
        yield Finding(child(path, "name"), "is required")
    if name and (problem := naming.name(name)):
        yield Finding(child(path, "name"), problem)
    # The server puts five characters behind the prefix.
    if prefix and (problem := naming.name(f"{prefix}x")):
        yield Finding(child(path, "generateName"), problem)
    namespace = metadata.get("namespace")
    if namespace and naming.namespaced is False:
        yield Finding(child(path, "namespace"), "this kind has no namespace")
    elif namespace is not None and (problem := dns_label(namespace)):
        yield Finding(child(path, "namespace"), problem)


def map_findings(metadata: dict[str, Any], path: str) -> Iterator[Finding]:
    """Labels and annotations, whatever object they stand in."""
    for field, check in (("labels", label_value), ("annotations", None)):
        values = metadata.get(field)
        if isinstance(values, dict):
            yield from _entry_findings(values, child(path, field), check)
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        size = sum(len(str(text).encode()) for pair in annotations.items() for text in pair)
        if size > ANNOTATION_BYTES:
            yield Finding(child(path, "annotations"), f"{size} bytes, at most {ANNOTATION_BYTES} are let through")


def _entry_findings(values: dict[Any, Any], path: str, check: Check | None) -> Iterator[Finding]:
    for key, value in values.items():
        # Annotation keys may have capitals in the prefix: the server checks them in lower case.
        if problem := label_key(str(key) if check else str(key).lower()):
            yield Finding(child(path, key), problem)
        if not isinstance(value, str):
            yield Finding(child(path, key), f"must be string, not {type_of(value)}")
        elif check and (problem := check(value)):
            yield Finding(child(path, key), problem)


def _owner_findings(owners: list[Any], path: str) -> Iterator[Finding]:
    seen: set[object] = set()
    for index, owner in enumerate(owners):
        place = element(path, index)
        if not isinstance(owner, dict):
            yield Finding(place, f"must be object, not {type_of(owner)}")
            continue
        yield from (Finding(child(place, name), "unknown field") for name in owner.keys() - OWNER_FIELDS)
        for name in OWNER_REQUIRED:
            if not isinstance(owner.get(name), str) or not owner[name]:
                yield Finding(child(place, name), "is required, a string")
        if owner.get("uid") in seen:
            yield Finding(child(place, "uid"), "the same owner twice")
        seen.add(owner.get("uid"))
    controllers = [owner for owner in owners if isinstance(owner, dict) and owner.get("controller") is True]
    if len(controllers) > 1:
        yield Finding(path, "only one owner can be the controller")
