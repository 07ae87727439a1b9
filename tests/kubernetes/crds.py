"""Loads the real CRDs of ``shared/crds`` into a test server: all of them, or those that a test names.

Servers of before 1.25 refuse a few modern schemas, which are ``relaxed`` for them; newer ones get all unchanged.
"""

import json
import os
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from tests.kubernetes.api_server import ApiServerProcess

# Katib's own have no schema; the derived ones refuse what Katib's webhooks would.
_REPLACED = {"katib": "katib-derived-schema"}
_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_FIRST_WITH_MODERN_SCHEMAS = (1, 25)
_SERVED_SECONDS = 180


class CrdsRefused(Exception):
    pass


def crd_directory() -> Path | None:
    """``EASYMAKER_CRDS``, or ``shared/crds`` beside the checkout; None where neither is."""
    named = os.environ.get("EASYMAKER_CRDS")
    directory = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "crds"
    return directory if directory.is_dir() else None


def read_crds(directory: Path, names: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Those whose full name, plural, group or directory is among ``names``; all without names."""
    found = []
    for path in sorted(directory.rglob("*.yaml")):
        home = path.parent.name
        if (directory / _REPLACED.get(home, "")).is_dir() and home in _REPLACED:
            continue
        plural, _, group = path.stem.partition(".")
        if names is None or {path.stem, plural, group, home} & set(names):
            # The C loader: the largest of these files takes 10 s with the other one.
            documents = yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader)
            found += [each for each in documents if each and each["kind"] == "CustomResourceDefinition"]
    return found


def load_crds(
    server: "ApiServerProcess", directory: Path | None = None, names: Collection[str] | None = None
) -> list[str]:
    """Creates what is missing of what is asked for, waits until all of it is served, and returns its names."""
    source = directory or crd_directory()
    if source is None:
        raise FileNotFoundError("no CRDs: EASYMAKER_CRDS is not set and there is no shared/crds beside the checkout")
    wanted = read_crds(source, names)
    there = _present(server)
    absent = [each for each in wanted if each["metadata"]["name"] not in there]
    if server.version < _FIRST_WITH_MODERN_SCHEMAS:
        absent = [relaxed(each) for each in absent]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda crd: server.request("POST", _PATH, crd), absent))
        # 409: another test process that shares the server was faster.
        refused = [answer.json()["message"] for answer in answers if answer.status_code not in (201, 409)]
        if refused:
            raise CrdsRefused("\n".join(refused))
        list(pool.map(lambda crd: _wait_until_served(server, crd), wanted))
    return [each["metadata"]["name"] for each in wanted]


def relaxed(crd: dict[str, Any]) -> dict[str, Any]:
    """A copy that Kubernetes 1.20 takes: what is removed only ever made the schema stricter or filled in nothing."""
    copy = json.loads(json.dumps(crd))
    for version in copy["spec"]["versions"]:
        _visit(version.get("schema", {}).get("openAPIV3Schema", {}), _relax)
    return copy


def _relax(schema: dict[str, Any]) -> None:
    if schema.get("default") == "":
        del schema["default"]
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys and any(not _always_there(schema["items"], key) for key in keys):
        del schema["x-kubernetes-list-map-keys"]
        schema["x-kubernetes-list-type"] = "atomic"


def _always_there(items: dict[str, Any], key: str) -> bool:
    # Called after the visit of what lies below, so that a default that was removed is missed here.
    return key in items.get("required", []) or "default" in items.get("properties", {}).get(key, {})


def _visit(schema: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> None:
    for below in _schemas_below(schema):
        _visit(below, change)
    change(schema)


def _schemas_below(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from schema.get("properties", {}).values()
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), dict):
            yield schema[key]
    for key in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(key, [])


def _present(server: "ApiServerProcess") -> set[str]:
    # Names only: the objects themselves are megabytes.
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    answer = server.request("GET", _PATH, headers={"Accept": accept}).raise_for_status()
    # An empty list of this kind is null.
    return {each["metadata"]["name"] for each in answer.json()["items"] or []}


def _wait_until_served(server: "ApiServerProcess", crd: dict[str, Any]) -> None:
    plural = crd["spec"]["names"]["plural"]
    deadline = time.monotonic() + _SERVED_SECONDS
    for version in crd["spec"]["versions"]:
        path = f"/apis/{crd['spec']['group']}/{version['name']}"
        while version["served"] and not _served(server, path, plural):
            if time.monotonic() > deadline:
                raise CrdsRefused(f"{crd['metadata']['name']} was not served within {_SERVED_SECONDS} s")
            time.sleep(0.1)


def _served(server: "ApiServerProcess", path: str, plural: str) -> bool:
    """By name and in the discovery document, which clients ask first."""
    document = server.request("GET", path)
    if document.status_code != 200 or plural not in {each["name"] for each in document.json()["resources"]}:
        return False
    return server.request("GET", f"{path}/{plural}", params={"limit": 1}).status_code == 200
