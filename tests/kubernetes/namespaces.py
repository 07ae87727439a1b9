"""Plays the namespace controller, which does not run beside a bare API server: empties a namespace and lets it go."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.kubernetes.api_server import ApiServerProcess

_MERGE = {"Content-Type": "application/merge-patch+json"}


def create_namespace(server: "ApiServerProcess", name: str, labels: dict[str, str] | None = None) -> None:
    body = {"metadata": {"name": name, "labels": labels or {}}}
    server.request("POST", "/api/v1/namespaces", body).raise_for_status()


def delete_namespace(server: "ApiServerProcess", name: str) -> None:
    """Everything in it goes at once, whatever its finalizers: their controllers do not run."""
    server.request("DELETE", f"/api/v1/namespaces/{name}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda collection: _empty(server, collection), collections_of(server, name)))
    answer = server.request("GET", f"/api/v1/namespaces/{name}")
    if answer.status_code == 200:
        namespace = {**answer.json(), "spec": {"finalizers": []}}
        server.request("PUT", f"/api/v1/namespaces/{name}/finalize", namespace)


def collections_of(server: "ApiServerProcess", namespace: str) -> list[str]:
    """The paths of all collections of the namespace whose objects can be listed and deleted."""
    paths: dict[str, None] = {}
    for prefix, resources in _discovered(server):
        for resource in resources:
            if resource["namespaced"] and {"list", "deletecollection"} <= set(resource["verbs"]):
                paths[f"{prefix}/namespaces/{namespace}/{resource['name']}"] = None
    return list(paths)


def _discovered(server: "ApiServerProcess") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    groups = server.request("GET", "/apis").raise_for_status().json()["groups"]
    prefixes = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
    for prefix in prefixes:
        answer = server.request("GET", prefix)
        if answer.status_code == 200:
            yield prefix, answer.json()["resources"]


def _empty(server: "ApiServerProcess", collection: str) -> None:
    if not server.request("GET", collection, params={"limit": 1}).json().get("items"):
        return
    server.request("DELETE", collection, params={"propagationPolicy": "Background"})
    for left in server.request("GET", collection).json()["items"]:
        path = f"{collection}/{left['metadata']['name']}"
        server.request("PATCH", path, {"metadata": {"finalizers": None}}, headers=_MERGE)
