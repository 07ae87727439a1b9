"""What a failed test left behind, for its report: a fault that shows once in a hundred runs has to explain itself."""

import json
from collections.abc import Callable, Iterator

import psycopg

from tests.cluster.controllers import MANAGED
from tests.cluster.installation import ClusterInstallation
from tests.kubernetes.namespaces import collections_of

ROWS = """
    SELECT kind, id, name, goal, status, reason, round(extract(epoch FROM due_at - clock_timestamp())::numeric, 1),
           attempts, lease_token IS NOT NULL
      FROM resources ORDER BY created_at, id
"""
# Of an object's specification the adapter itself keeps no more than its mark in an annotation.
SHOWN = ("name", "generation", "resourceVersion", "deletionTimestamp", "labels", "annotations")


def explained(cluster: ClusterInstallation) -> str:
    """The rows of all resources, the adapter's objects, and the end of its log."""
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "resources": lambda: _rows(cluster),
        "objects": lambda: _objects(cluster),
        "log": lambda: iter(_log(cluster)[-60:]),
    }
    lines: list[str] = []
    for what, tell in parts.items():
        lines.append(f"{what}:")
        try:
            lines += [f"  {line}" for line in tell()]
        except Exception as error:
            # The test has failed already: what cannot be had any more is no failure of its own.
            lines.append(f"  not to be had: {error!r}")
    return "\n".join(lines)


def _log(cluster: ClusterInstallation) -> list[str]:
    """Without the questions of a test that waits."""
    lines = cluster.log.read_text(errors="replace").splitlines()
    return [line for line in lines if not ('"easymaker.http"' in line and '"status": 200' in line)]


def _rows(cluster: ClusterInstallation) -> Iterator[str]:
    with psycopg.connect(cluster.database_url.replace("+psycopg", ""), connect_timeout=5) as connection:
        for kind, resource_id, name, goal, status, reason, due, attempts, held in connection.execute(ROWS):
            when = "rests" if due is None else f"due in {due} s"
            more = f"{when}, attempts {attempts}{', held' if held else ''}"
            yield f"{kind} {resource_id} {name}: {status}, goal {goal}, {more}: {reason}"


def _objects(cluster: ClusterInstallation) -> Iterator[str]:
    assert cluster.server is not None
    for path in collections_of(cluster.server, cluster.profile):
        if path.endswith(("/events", "/secrets")):
            continue
        answer = cluster.server.request("GET", path, params={"labelSelector": MANAGED}).raise_for_status()
        for item in answer.json()["items"]:
            shown = {name: item["metadata"][name] for name in SHOWN if name in item["metadata"]}
            told = json.dumps({"metadata": shown, "status": item.get("status", {})})
            yield f"{path.rpartition('/')[2]} {told}"
