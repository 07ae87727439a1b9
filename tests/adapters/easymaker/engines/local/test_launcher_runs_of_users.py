"""What a user's program puts where its launcher's status belongs neither holds up nor ends who reads it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.job_access import JobAccess
from adapters.easymaker.engines.local.launcher_runs import LauncherRuns, Run
from adapters.easymaker.engines.local.processes import ProcessRunner


def no_access() -> JobAccess:
    raise AssertionError("nothing is started here")


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


FORGED: dict[str, Callable[[Path], object]] = {
    "a pipe that nobody writes to": os.mkfifo,
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "an endless file": lambda path: path.symlink_to("/dev/zero"),
    "a directory": lambda path: path.mkdir(),
    "half of it": text('{"phase": "RUN'),
    "no object": text("[1]"),
    "too deep": text("[" * 60_000),
    "too much": text(json.dumps({"phase": "x" * 100_000})),
    "not a file that is there": lambda path: None,
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_status_is_none(what: str, tmp_path: Path) -> None:
    run = Run("training-x", 1, tmp_path / "job", tmp_path / "boards")
    run.node_directory(0).mkdir(parents=True)
    FORGED[what](run.node_directory(0) / "status.json")
    (node,) = LauncherRuns(ProcessRunner(tmp_path / "processes"), no_access).look(run)
    assert node.status is None
    assert node.phase == "PREPARING"
