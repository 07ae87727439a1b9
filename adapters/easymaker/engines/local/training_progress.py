"""From what is seen of a training's nodes to one observation. Pure."""

from collections.abc import Sequence
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local import processes
from adapters.easymaker.engines.local.launcher_runs import Node

WATCH_SECONDS = 0.5
START_SECONDS = 0.2


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
