"""What ``kubectl kustomize`` makes of our manifests, alone and put together as an operator may."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
OVERLAYS = ("overlays/kubeflow", "overlays/standalone")
# Kustomizations for themselves: what a profile needs.
TENANTS = ("components/tenant", "components/tenant-serverless")
WHOLE = ("base", *OVERLAYS, *TENANTS)
COMPONENTS = tuple(
    sorted(
        path.parent.relative_to(MANIFESTS).as_posix()
        for path in MANIFESTS.glob("components/*/kustomization.yaml")
        if "kind: Component" in path.read_text("utf-8")
    )
)
POD_FIELDS = ("initContainers", "containers", "ephemeralContainers")
Json = dict[str, Any]


def build(directory: Path) -> list[Json]:
    """The documents of a kustomization, with a profile's name where its place is marked."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(["kubectl", "kustomize", str(directory)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{directory}: {done.stderr}"
    return [document for document in yaml.safe_load_all(done.stdout.replace("PROFILE", "team-a")) if document]


@functools.cache
def rendered(name: str) -> tuple[Json, ...]:
    """One of WHOLE."""
    return tuple(build(MANIFESTS / name))


def combined(directory: Path, *components: str) -> list[Json]:
    """The base with these components, as an overlay of somebody's own in ``directory``."""
    up = Path(os.path.relpath(MANIFESTS, directory.resolve()))
    chosen = ["overlays/kubeflow/settings", *components]
    overlay = {"resources": [str(up / "base")], "components": [str(up / each) for each in chosen]}
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(overlay), "utf-8")
    return build(directory)


def everything(directory: Path) -> list[Json]:
    """All that can be installed at once, with every profile's part."""
    return [*combined(directory, *COMPONENTS), *(each for name in TENANTS for each in rendered(name))]


def identity(document: Json) -> str:
    metadata = document["metadata"]
    place = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{document['apiVersion']} {document['kind']} {place}{metadata['name']}"


def one(documents: list[Json] | tuple[Json, ...], kind: str, name: str) -> Json:
    """The document of this kind and name."""
    (found,) = [each for each in documents if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


@dataclass(frozen=True)
class PodSpec:
    """A pod's spec, wherever it is in a document."""

    where: str
    spec: Json

    @property
    def kind(self) -> str:
        return self.where.split(" ")[1]

    @property
    def containers(self) -> list[Json]:
        return [each for name in POD_FIELDS for each in self.spec.get(name, [])]


def pods(documents: list[Json] | tuple[Json, ...]) -> list[PodSpec]:
    return [
        PodSpec(identity(document), spec)
        for document in documents
        if document["kind"] != "CustomResourceDefinition"
        for spec in _pod_specs(document)
    ]


def _pod_specs(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        elif isinstance(value.get("container"), dict):
            yield {"containers": [value["container"]]}
        for each in value.values():
            yield from _pod_specs(each)
    elif isinstance(value, list):
        for each in value:
            yield from _pod_specs(each)
