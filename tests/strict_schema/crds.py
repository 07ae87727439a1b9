"""The real CRDs of the components that we emit objects for: where they are, and the schemas of a kind's versions."""

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.strict_schema.node import Node, root_of
from tests.strict_schema.parsed_yaml import documents

ROOT = Path(__file__).parents[2]
VARIABLE = "EASYMAKER_CRDS"


def crds_folder() -> Path:
    return Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "crds")


def crds_missing_reason() -> str | None:
    """Why custom resources cannot be checked here; None where they can."""
    folder = crds_folder()
    if any(folder.glob("**/*.yaml")):
        return None
    return f"no CRDs in {folder} ({VARIABLE} names another folder with the CRD files of Kubeflow's components)"


needs_crds = pytest.mark.skipif(crds_missing_reason() is not None, reason=crds_missing_reason() or "")


@dataclass(frozen=True, slots=True)
class CustomKind:
    """What one CRD says: the schemas of the versions that the server serves, and the versions that it does not."""

    name: str
    group: str
    kind: str
    namespaced: bool
    served: dict[str, Node]
    unserved: tuple[str, ...]


class CustomKinds:
    """The CRDs of a folder, each read when its kind is first asked for."""

    def __init__(self, folder: Path) -> None:
        # Katib's own CRDs have no schema: the derived ones come first.
        found = sorted(folder.glob("**/*.yaml"), key=lambda path: ("derived" not in path.parent.name, str(path)))
        self._files = found
        self._kinds: dict[tuple[str, str], CustomKind | None] = {}

    @functools.cached_property
    def _contents(self) -> list[bytes]:
        return [path.read_bytes() for path in self._files]

    def find(self, group: str, kind: str) -> CustomKind | None:
        key = (group, kind)
        if key not in self._kinds:
            self._kinds[key] = self._search("group", group, "kind", kind)
        return self._kinds[key]

    def named(self, name: str) -> CustomKind | None:
        """By the CRD's own name, such as ``trainjobs.trainer.kubeflow.org``."""
        plural, _, group = name.partition(".")
        return self._search("group", group, "plural", plural)

    def _search(self, field: str, value: str, inner: str, name: str) -> CustomKind | None:
        wanted = [re.compile(rf"^\s+{key}: [\"']?{re.escape(text)}[\"']?\s*$".encode(), re.MULTILINE)
                  for key, text in ((field, value), (inner, name))]  # fmt: skip
        for content in self._contents:
            if not all(pattern.search(content) for pattern in wanted):
                continue
            for document in documents(content):
                spec = document.get("spec") or {}
                if spec.get(field) == value and (spec.get("names") or {}).get(inner) == name:
                    return custom_kind(document)
        return None


def custom_kind(document: dict[str, Any]) -> CustomKind:
    spec = document["spec"]
    served = {
        version["name"]: root_of(version["schema"]["openAPIV3Schema"])
        for version in spec["versions"]
        if version["served"]
    }
    return CustomKind(
        name=document["metadata"]["name"],
        group=spec["group"],
        kind=spec["names"]["kind"],
        namespaced=spec["scope"] == "Namespaced",
        served=served,
        unserved=tuple(version["name"] for version in spec["versions"] if not version["served"]),
    )
