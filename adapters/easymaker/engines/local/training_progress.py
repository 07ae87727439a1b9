"""From what is seen of a training's nodes to one observation. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local import processes
from adapters.easymaker.engines.local.processes import ProcessState
from kfp_components.easymaker.launcher.exit_codes import ExitCode

WATCH_SECONDS = 0.5
START_SECONDS = 0.2


@dataclass(frozen=True)
class Node:
    """One node's process, and the status file that its launcher writes (None before it does)."""

    state: ProcessState
    status: Mapping[str, Any] | None

    @property
    def stopped(self) -> bool:
        by_launcher = self.status is not None and self.status.get("exit_code") == int(ExitCode.STOPPED)
        return self.state.over and (self.state.cause == "stopped" or by_launcher)

    @property
    def phase(self) -> str:
        return str(self.status.get("phase") or "PREPARING") if self.status else "PREPARING"

    def failure(self) -> str:
        """Why it failed, best word first: a limit that the wrapper enforced, then the launcher, then the exit."""
        if self.state.cause in ("memory", "disk", "timeout", "lost", "unstartable"):
            return self.state.reason
        if self.status and self.status.get("reason"):
            return str(self.status["reason"])
        return self.state.reason


def summarize(nodes: Sequence[Node]) -> Observation:
    """MISSING while any node has not been started; FAILED as soon as any has failed; else what the slowest one does."""
    detail = _times(nodes)
    ended = [node for node in nodes if node.state.over]
    for rank, node in enumerate(nodes):
        if node.state.over and not node.state.succeeded and not node.stopped:
            where = f"node {rank}: " if len(nodes) > 1 else ""
            return Observation(Phase.FAILED, where + node.failure(), detail)
    if any(node.state.phase is processes.Phase.MISSING for node in nodes):
        return Observation(Phase.MISSING, detail=detail)
    if len(ended) == len(nodes):
        phase = Phase.STOPPED if any(node.stopped for node in nodes) else Phase.SUCCEEDED
        return Observation(phase, "stopped" if phase is Phase.STOPPED else "", detail)
    if any(node.phase == "PREPARING" and not node.state.over for node in nodes):
        return Observation(Phase.PENDING, "source, data and packages are being prepared", detail, START_SECONDS)
    return Observation(Phase.RUNNING, "", detail, WATCH_SECONDS)


def _times(nodes: Sequence[Node]) -> dict[str, Any]:
    started = [node.state.started_at for node in nodes if node.state.started_at]
    finished = [node.state.finished_at for node in nodes if node.state.finished_at]
    times: dict[str, Any] = {}
    if started:
        times["startedAt"] = min(started)
    times["finishedAt"] = max(finished) if finished and len(finished) == len(nodes) else None
    return times
