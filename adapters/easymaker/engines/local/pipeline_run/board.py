"""What is known of a run at any moment, changed by many threads, and the file that tells it to others."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.json_files import write_json
from adapters.easymaker.engines.local.pipeline_run import artifacts
from adapters.easymaker.engines.local.pipeline_run.nodes import Node, Nodes, NodeState
from adapters.easymaker.engines.local.pipeline_run.shown_values import Room, strict

Json = Any

# A change is told at the latest after this; after longer when writing takes long.
PAUSE = 0.2
SHARE = 10
REASON = 2_000


class Board:
    def __init__(self, nodes: Nodes, about: Mapping[str, Json], root: Path) -> None:
        self._nodes = nodes
        self._about = dict(about)
        self._root = root
        self._room = Room()
        self._lock = threading.Lock()
        self.changed = threading.Event()
        self.state = NodeState.PENDING
        self.failure = ""
        self._outputs: dict[str, Json] = {}
        self._artifacts: list[Json] = []
        self._truncated: list[str] = []
        self._ended_at: float | None = None

    def begin(self) -> None:
        self._change(lambda: setattr(self, "state", NodeState.RUNNING))

    def node(self, path: str, **values: Json) -> None:
        """Set fields of one node."""

        def change() -> None:
            node = self._nodes.by_id[path]
            for name, value in values.items():
                setattr(node, name, strict(value)[:REASON] if name == "reason" else value)

        self._change(change)

    def start(self, path: str, at: float | None = None) -> None:
        self.node(path, state=NodeState.RUNNING, started_at=at or time.time())

    def end(self, path: str, state: NodeState, reason: str = "", at: float | None = None) -> None:
        """Ends also what has not begun below it."""

        def change() -> None:
            node = self._nodes.by_id[path]
            if node.state.final:
                return
            node.state, node.reason = state, strict(reason)[:REASON]
            if node.started_at is not None:
                node.ended_at = at or time.time()
            rest = NodeState.CANCELED if state is NodeState.CANCELED else NodeState.SKIPPED
            for each in self._nodes.below(path):
                if not each.state.final:
                    each.state = rest
            if state is NodeState.FAILED and not self.failure:
                self.failure = f"{path}: {node.reason}"

        self._change(change)

    def inputs(self, path: str, values: Mapping[str, Json]) -> None:
        def change() -> None:
            node = self._nodes.by_id[path]
            for name, value in sorted(values.items()):
                found = artifacts.several(value)
                shown = value if found is None else [str(each.uri) for each in found]
                node.inputs[name], whole = self._room.show(shown)
                if not whole:
                    node.truncated.append(f"inputs.{name}")

        self._change(change)

    def outputs(self, path: str, values: Mapping[str, Json]) -> None:
        described = self._described(values)

        def change() -> None:
            node = self._nodes.by_id[path]
            if not node.state.final:
                self._tell(described, node.outputs, node.artifacts, node.truncated)

        self._change(change)

    def add_iterations(self, loop: str, count: int) -> None:
        self._change(lambda: self._nodes.add_iterations(loop, count))

    def finish(self, state: NodeState, reason: str, outputs: Mapping[str, Json]) -> None:
        described = self._described(outputs)

        def change() -> None:
            for node in self._nodes.by_id.values():
                if not node.state.final:
                    node.state = NodeState.CANCELED if state is NodeState.CANCELED else NodeState.SKIPPED
            self._tell(described, self._outputs, self._artifacts, self._truncated)
            self.state, self.failure, self._ended_at = state, strict(reason)[:REASON], time.time()

        self._change(change)

    def to_json(self) -> dict[str, Json]:
        with self._lock:
            return {
                **self._about,
                "state": str(self.state),
                "reason": self.failure,
                "endedAt": self._ended_at,
                "outputs": dict(self._outputs),
                "artifacts": list(self._artifacts),
                "truncated": list(self._truncated),
                "nodes": [_copied(node) for node in self._nodes.by_id.values()],
            }

    def states(self, paths: Iterable[str]) -> list[NodeState]:
        with self._lock:
            return [self._nodes.by_id[path].state for path in paths]

    def get(self, path: str) -> Node:
        return self._nodes.by_id[path]

    def _described(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Artifacts with their sizes, which takes a look at the disk, and parameters as they are."""
        told: dict[str, Json] = {}
        for name, value in values.items():
            found = artifacts.several(value)
            told[name] = value if found is None else [artifacts.described(each, self._root) for each in found]
            if found is not None:
                told[name] = tuple(told[name])
        return told

    def _tell(
        self, described: dict[str, Json], outputs: dict[str, Json], files: list[Json], truncated: list[str]
    ) -> None:
        # kfp's messages have no order.
        for name, value in sorted(described.items()):
            if not isinstance(value, tuple):
                outputs[name], whole = self._room.show(value)
                if not whole:
                    truncated.append(f"outputs.{name}")
                continue
            for artifact in value:  # pyright: ignore[reportUnknownVariableType]
                metadata, whole = self._room.show(artifact["metadata"])
                if not whole:
                    truncated.append(f"artifacts.{name}.metadata")
                files.append({**strict(artifact), "output": name, "metadata": metadata if whole else {}})

    def _change(self, change: Callable[[], None]) -> None:
        with self._lock:
            change()
        self.changed.set()


def _copied(node: Node) -> dict[str, Json]:
    data = node.to_json()
    return {name: value.copy() if isinstance(value, dict | list) else value for name, value in data.items()}


class BoardFile:
    """Writes the board into its file while it changes. A reader always sees one whole state."""

    def __init__(self, board: Board, path: Path) -> None:
        self._board = board
        self._path = path
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="state file", daemon=True)

    def start(self) -> None:
        self.write()
        self._thread.start()

    def finish(self) -> None:
        """Raises OSError when the last state could not be written."""
        self._over.set()
        self._board.changed.set()
        self._thread.join()
        write_json(self._path, self._board.to_json())

    def write(self) -> None:
        """Whole for whoever reads it; only a machine that dies can leave less, and then the run goes on and writes it
        anew. So it need not wait for the disk, as the tasks' records do."""
        self._board.changed.clear()
        beside = self._path.with_name(f".{self._path.name}.new")
        beside.write_text(json.dumps(self._board.to_json(), separators=(",", ":")))
        beside.replace(self._path)

    def _follow(self) -> None:
        pause = PAUSE
        while not self._over.is_set():
            self._board.changed.wait()
            # Not at once: the next task is about to begin, and need not wait for this.
            self._over.wait(pause)
            begun = time.monotonic()
            try:
                self.write()
            except OSError:
                self._board.changed.set()  # a full disk may have room again
            pause = max(PAUSE, SHARE * (time.monotonic() - begun))
