"""From what is seen of a training's nodes to one phase, a reason and times."""

from typing import Any

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.local.launcher_runs import Node
from adapters.easymaker.engines.local.processes import Phase as ProcessPhase
from adapters.easymaker.engines.local.processes import ProcessState
from adapters.easymaker.engines.local.training_progress import summarize
from kfp_components.easymaker.launcher.exit_codes import ExitCode


def node(phase: ProcessPhase, status: dict[str, Any] | None = None, **state: Any) -> Node:
    return Node(ProcessState(phase, **state), status)


MISSING = node(ProcessPhase.MISSING)
STARTING = node(ProcessPhase.STARTING)
PREPARING = node(ProcessPhase.RUNNING, {"phase": "PREPARING"}, started_at=10.0)
RUNNING = node(ProcessPhase.RUNNING, {"phase": "RUNNING"}, started_at=11.0)
DONE = node(ProcessPhase.EXITED, {"phase": "DONE"}, exit_code=0, cause="exited", started_at=12.0, finished_at=20.0)
FAILED = node(ProcessPhase.EXITED, {"reason": "exit code 3"}, exit_code=3, cause="exited", reason="ended with 3")
STOPPED = node(ProcessPhase.EXITED, {}, exit_code=143, cause="stopped", reason="stopped")
BY_LAUNCHER = node(ProcessPhase.EXITED, {"exit_code": int(ExitCode.STOPPED)}, exit_code=int(ExitCode.STOPPED))
LOST = node(ProcessPhase.LOST, {"reason": "old news"}, cause="lost", reason="its supervisor was killed")


@pytest.mark.parametrize(
    ("nodes", "phase"),
    [
        ([MISSING], Phase.MISSING),
        ([RUNNING, MISSING], Phase.MISSING),
        ([STARTING], Phase.PENDING),
        ([PREPARING, RUNNING], Phase.PENDING),
        ([RUNNING], Phase.RUNNING),
        ([RUNNING, DONE], Phase.RUNNING),
        ([DONE, DONE], Phase.SUCCEEDED),
        ([DONE, STOPPED], Phase.STOPPED),
        ([BY_LAUNCHER], Phase.STOPPED),
        ([RUNNING, FAILED], Phase.FAILED),
        ([MISSING, FAILED], Phase.FAILED),
        ([STOPPED, LOST], Phase.FAILED),
    ],
)
def test_the_slowest_node_decides_and_a_failure_at_once(nodes: list[Node], phase: Phase) -> None:
    assert summarize(nodes).phase is phase


def test_the_reason_is_the_best_word_there_is() -> None:
    assert summarize([FAILED]).reason == "exit code 3"
    assert summarize([RUNNING, FAILED]).reason == "node 1: exit code 3"
    assert summarize([LOST]).reason == "its supervisor was killed", "what the launcher last wrote is older"
    assert (
        summarize([node(ProcessPhase.EXITED, None, exit_code=9, reason="killed", cause="signalled")]).reason == "killed"
    )


def test_a_trainings_time_is_from_the_first_start_to_the_last_end() -> None:
    assert summarize([PREPARING, RUNNING]).detail == {"startedAt": 10.0, "finishedAt": None}
    assert summarize([DONE, RUNNING]).detail["finishedAt"] is None
    assert summarize([DONE, DONE]).detail == {"startedAt": 12.0, "finishedAt": 20.0}
    assert "startedAt" not in summarize([MISSING]).detail
