"""Where one task's files are, and whether what it has left can be read by a process that users must not lead astray."""

import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = Any

EXECUTOR_OUTPUT = "executor_output.json"


class UnreadableOutput(Exception):
    """The message is fit for the run's owner."""


@dataclass(frozen=True)
class TaskFiles:
    """``outputs`` is new for every attempt: no two executions ever write to one place."""

    outputs: Path
    work: Path
    log: Path


def fresh(path: Path) -> Path:
    """A new folder in the folder ``path``, with a number that no finished execution has had; the others are emptied."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    earlier = [each for each in path.iterdir() if each.name.isdigit()]
    for folder in earlier:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    made = path / str(1 + max((int(each.name) for each in earlier), default=0))
    made.mkdir(mode=0o700)
    return made


def check_outputs(folder: Path, parameters: list[str], limit: int) -> None:
    """Raises UnreadableOutput for files that are no files, and for too large ones."""
    total = 0
    for name in (EXECUTOR_OUTPUT, *parameters):
        try:
            status = (folder / name).lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableOutput(f"the output {name} is not a file")
        total += status.st_size
        if total > limit:
            raise UnreadableOutput(f"its outputs are larger than {limit} bytes: write what is large into an artifact")
