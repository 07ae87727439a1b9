"""The nodes of one run: those of the pipeline's graph, and per iteration of a loop a copy of what is in the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = Any

PROGRAMS = ("TASK", "IMPORTER")


class NodeState(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELED = "CANCELED"

    @property
    def final(self) -> bool:
        return self not in (NodeState.PENDING, NodeState.RUNNING)


class TooManyNodes(Exception):
    """The message is fit for the run's owner."""


@dataclass
class Node:
    """``id`` is the path in this run, ``graph_id`` the one in the pipeline's graph: they differ inside of loops."""

    id: str
    graph_id: str
    name: str
    display_name: str
    kind: str
    parent: str | None
    state: NodeState = NodeState.PENDING
    started_at: float | None = None
    ended_at: float | None = None
    attempts: int = 0
    reason: str = ""
    cached: bool = False
    resumed: bool = False
    log_file: str | None = None
    inputs: dict[str, Json] = field(default_factory=dict[str, Json])
    outputs: dict[str, Json] = field(default_factory=dict[str, Json])
    artifacts: list[Json] = field(default_factory=list[Json])
    truncated: list[str] = field(default_factory=list[str])
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "graphId": self.graph_id,
            "name": self.name,
            "displayName": self.display_name,
            "kind": self.kind,
            "parentId": self.parent,
            "state": str(self.state),
            "startedAt": self.started_at,
            "endedAt": self.ended_at,
            "attempts": self.attempts,
            "reason": self.reason,
            "cached": self.cached,
            "resumed": self.resumed,
            "logFile": self.log_file,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "artifacts": self.artifacts,
            "truncated": self.truncated,
            "notes": list(self.notes),
        }


def join(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name


class Nodes:
    """In the order in which a reader wants them: parents first. Not for several threads at once."""

    def __init__(self, graph: Mapping[str, Json], notes: Mapping[str, tuple[str, ...]], limit: int) -> None:
        self._graph = {node["id"]: node for node in graph["nodes"]}
        self._children: dict[str, list[str]] = {}
        for node in graph["nodes"]:
            self._children.setdefault(node["parentId"] or "", []).append(node["id"])
        self._notes = notes
        self._limit = limit
        self.by_id: dict[str, Node] = {}
        self._add_below("", "")

    def add_iterations(self, loop: str, count: int) -> None:
        """Raises TooManyNodes."""
        graph_id = self.by_id[loop].graph_id
        if len(self.by_id) + count * (1 + len(self._once(graph_id))) > self._limit:
            raise TooManyNodes(f"{count} iterations would make more than {self._limit} nodes in this run")
        for index in range(count):
            path = f"{loop}[{index}]"
            if path not in self.by_id:
                name = self.by_id[loop].name
                self.by_id[path] = Node(path, graph_id, f"{name}[{index}]", f"{name}[{index}]", "ITERATION", loop)
                self._add_below(graph_id, path)

    def below(self, path: str) -> list[Node]:
        if self.by_id[path].kind in PROGRAMS:
            return []
        return [node for node in self.by_id.values() if node.id.startswith((f"{path}/", f"{path}["))]

    def _once(self, graph_id: str) -> list[str]:
        """What is below, without the insides of loops, which are there once per iteration."""
        found: list[str] = []
        for child in self._children.get(graph_id, []):
            found.append(child)
            if self._graph[child]["kind"] != "LOOP":
                found += self._once(child)
        return found

    def _add_below(self, graph_id: str, path: str) -> None:
        for child in self._once(graph_id):
            # The part of the path below ``graph_id`` is the same in both.
            mine = join(path, child[len(graph_id) + 1 :] if graph_id else child)
            data = self._graph[child]
            parent = mine.rpartition("/")[0] or None
            notes = self._notes.get(child, ())
            self.by_id[mine] = Node(mine, child, data["name"], data["displayName"], data["kind"], parent, notes=notes)
