"""One question for every manifest that this project emits or ships: would a server take it, to the last field?"""

import functools
from collections.abc import Iterator
from typing import Any

from tests.strict_schema.builtin import BuiltinKinds
from tests.strict_schema.builtin_values import builtin_naming
from tests.strict_schema.crds import CustomKind, CustomKinds, crds_folder, crds_missing_reason
from tests.strict_schema.custom_naming import custom_naming
from tests.strict_schema.defaults import with_defaults
from tests.strict_schema.embedded import embedded_objects
from tests.strict_schema.finding import Finding, child
from tests.strict_schema.metadata import Naming, metadata_findings
from tests.strict_schema.node import Node
from tests.strict_schema.rules_cel import Rules
from tests.strict_schema.structural import structural_findings


class Validator:
    """Stateless for its users; schemas and rules are kept as they are first needed."""

    def __init__(self, custom: CustomKinds, builtin: BuiltinKinds) -> None:
        self.custom = custom
        self.builtin = builtin
        self.rules = Rules()

    @classmethod
    @functools.cache
    def load(cls) -> "Validator":
        return cls(CustomKinds(crds_folder()), BuiltinKinds())

    def knows(self, manifest: dict[str, Any]) -> bool:
        """Whether there is a schema to check by; without the CRDs there is none for custom resources."""
        api_version, kind = str(manifest.get("apiVersion")), str(manifest.get("kind"))
        group = api_version.rpartition("/")[0]
        return self.builtin.find(api_version, kind) is not None or self.custom.find(group, kind) is not None

    def problems(self, manifest: dict[str, Any]) -> list[str]:
        """Every mistake with its path; empty where the manifest is valid."""
        return [str(finding) for finding in self._findings(manifest)]

    def require_valid(self, manifest: dict[str, Any]) -> None:
        found = self.problems(manifest)
        if found:
            name = (manifest.get("metadata") or {}).get("name")
            lines = "\n  ".join(found)
            raise AssertionError(f"{manifest.get('kind')} {name!r} is not strictly valid:\n  {lines}")

    def _findings(self, manifest: Any, path: str = "", inside: bool = False) -> list[Finding]:
        if not isinstance(manifest, dict):
            return [Finding(path, "is no object")]
        api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
        if not isinstance(api_version, str) or not isinstance(kind, str):
            missing = [name for name in ("apiVersion", "kind") if not isinstance(manifest.get(name), str)]
            return [Finding(child(path, name), "is required, a string") for name in missing]
        if (api_version, kind) == ("v1", "List"):
            return self._list_findings(manifest)
        if (builtin := self.builtin.find(api_version, kind)) is not None:
            return self._checked(builtin, manifest, path, _placed(builtin_naming(kind), inside))
        group, _, version = api_version.rpartition("/")
        custom = self.custom.find(group, kind)
        if custom is None:
            return [Finding(child(path, "apiVersion"), self._unknown(api_version, kind))]
        if version not in custom.served:
            return [Finding(child(path, "apiVersion"), _unserved(custom, version))]
        return self._checked(custom.served[version], manifest, path, _placed(custom_naming(custom), inside))

    def _checked(self, root: Node, manifest: dict[str, Any], path: str, naming: Naming) -> list[Finding]:
        named = _with_a_name(manifest) if naming.embedded else manifest
        whole = with_defaults(root, named)
        found = [Finding(_below(path, each.path), each.message) for each in structural_findings(root, whole)]
        found += metadata_findings(manifest.get("metadata"), child(path, "metadata"), naming)
        # As the server does: a rule may rely on the structure that it is written for.
        if not found:
            found += [Finding(_below(path, each.path), each.message) for each in self.rules.findings(root, whole)]
        for place, inner in embedded_objects(root, whole):
            if self.knows(inner):
                found += self._findings(inner, _below(path, place), inside=True)
        return found

    def _list_findings(self, manifest: dict[str, Any]) -> list[Finding]:
        return list(self._item_findings(manifest.get("items")))

    def _item_findings(self, items: Any) -> Iterator[Finding]:
        if not isinstance(items, list):
            yield Finding("items", "is required, an array")
            return
        for index, item in enumerate(items):
            yield from self._findings(item, f"items[{index}]")

    def _unknown(self, api_version: str, kind: str) -> str:
        reason = crds_missing_reason()
        version = ".".join(str(part) for part in self.builtin.version)
        return f"no schema for {kind} in {api_version}" + (f": {reason}" if reason else f" (Kubernetes {version})")


def _unserved(custom: CustomKind, version: str) -> str:
    return f"{version} is no served version of {custom.name} (served: {', '.join(custom.served)})"


def _placed(naming: Naming, inside: bool) -> Naming:
    """Whatever embeds an object gives it its name and namespace."""
    return Naming(naming.name, naming.namespaced, embedded=True) if inside else naming


def _with_a_name(manifest: dict[str, Any]) -> dict[str, Any]:
    """As it will be when it is made: rules may look at the name."""
    metadata = manifest.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return manifest
    return {**manifest, "metadata": {"name": "embedded", **(metadata or {})}}


def _below(path: str, inner: str) -> str:
    if not path or not inner:
        return path or inner
    return f"{path}{inner}" if inner.startswith("[") else f"{path}.{inner}"
