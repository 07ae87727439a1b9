"""Kubernetes' own kinds, checked by the OpenAPI definitions that kubernetes-validate carries, without a network."""

import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from tests.strict_schema.builtin_values import FIELD_SCHEMAS
from tests.strict_schema.node import OBJECT_META, QUANTITY, Node, Schema, root_of

NEWEST = (1, 36)
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
FREE: Schema = {"x-kubernetes-preserve-unknown-fields": True, "nullable": True}
# Types that are more than their definition says.
SPECIAL: dict[str, Schema] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {QUANTITY: True},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"x-kubernetes-int-or-string": True},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": FREE,
    f"{META}FieldsV1": FREE,
    f"{META}ObjectMeta": {"type": "object", OBJECT_META: True},
    # status.creationTimestamp and the like: Go prints a time that is not there as null.
    f"{META}Time": {"type": "string", "format": "date-time", "nullable": True},
    f"{META}MicroTime": {"type": "string", "format": "date-time", "nullable": True},
}
CRD_SCHEMAS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"
VERSION = re.compile(r"v(\d+)\.(\d+)\.\d+-local-strict")


class BuiltinKinds:
    """The newest version of Kubernetes at hand, up to the one that we are run against."""

    def __init__(self) -> None:
        folders = {found: path for path in _data_folder().iterdir() if (found := _version(path)) and found <= NEWEST}
        self.version = max(folders)
        self._folder = folders[self.version]
        self._roots: dict[tuple[str, str], Node | None] = {}
        self._translated: dict[str, Schema] = {}

    @functools.cached_property
    def _definitions(self) -> dict[str, Schema]:
        return json.loads((self._folder / "_definitions.json").read_bytes())["$defs"]

    def find(self, api_version: str, kind: str) -> Node | None:
        key = (api_version, kind)
        if key not in self._roots:
            self._roots[key] = self._load(api_version, kind)
        return self._roots[key]

    def _load(self, api_version: str, kind: str) -> Node | None:
        group, _, version = api_version.rpartition("/")
        parts = [kind.lower(), *([group.split(".")[0]] if group else []), version]
        path = self._folder / f"{'-'.join(parts)}.json"
        if not path.is_file():
            return None
        schema: Schema = json.loads(path.read_bytes())
        # Parts of objects have a file too; only what has a kind of its own can be sent to the server.
        names = schema.get("x-kubernetes-group-version-kind") or []
        if {"group": group, "version": version, "kind": kind} not in names:
            return None
        return Node(root_of(schema).raw, self.translate)

    def translate(self, schema: Schema) -> Schema:
        """A built-in schema in the words of a structural one."""
        reference = schema.get("$ref")
        if reference is None:
            return _structural(schema)
        name = reference.rpartition("/")[2]
        if name not in self._translated:
            self._translated[name] = self._definition(name)
        return self._translated[name]

    def _definition(self, name: str) -> Schema:
        if name in SPECIAL:
            return SPECIAL[name]
        if name.startswith(CRD_SCHEMAS) and name != f"{CRD_SCHEMAS}SchemaProps":
            return FREE
        schema = _structural(self._definitions[name])
        extra = FIELD_SCHEMAS.get(name.removeprefix("io.k8s.api."), {})
        if extra:
            fields = schema["properties"]
            schema["properties"] = fields | {field: {**fields[field], **more} for field, more in extra.items()}
        return schema


def _structural(schema: Schema) -> Schema:
    """Every field is marked as nullable there, since Go reads null as absent; an emitted null is a mistake, though."""
    wanted: Any = schema.get("type")
    kind = next((each for each in wanted if each != "null"), None) if isinstance(wanted, list) else wanted
    return {**schema, "type": kind} if kind else dict(schema)


def _data_folder() -> Path:
    found = importlib.util.find_spec("kubernetes_validate")
    assert found is not None and found.origin is not None, "the package kubernetes-validate is missing"
    return Path(found.origin).parent / "kubernetes-json-schema"


def _version(path: Path) -> tuple[int, int] | None:
    found = VERSION.fullmatch(path.name)
    return (int(found[1]), int(found[2])) if found else None
