"""One child process and all that it starts: run it, end it when asked, leave nothing of it behind."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kfp_components.easymaker.launcher.interruption import Interruption

_PR_SET_CHILD_SUBREAPER = 36
_SWEEP_SECONDS = 5.0


@dataclass(frozen=True)
class ChildEnd:
    """``returncode`` is negative for a signal. ``interrupted``: it was ended on request, whatever it returned."""

    pid: int
    returncode: int
    interrupted: bool


@dataclass(frozen=True)
class ChildCommand:
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    grace_seconds: float


def adopt_orphans() -> None:
    """Make every descendant that loses its parent ours, so that even a daemon of the user's can be found and ended."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run_child(command: ChildCommand, interruption: Interruption, output: IO[bytes] | int | None = None) -> ChildEnd:
    """Run until it ends or the interruption says so: then TERM to its group, KILL to all after the grace.

    Raises OSError when the program cannot be started.
    """
    process = subprocess.Popen(
        command.argv,
        env=command.env,
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        process_group=0,  # a group for the signals, but our session, so that the runner above still finds it
    )
    interrupted = False
    kill_at: float | None = None
    while not _reap(process):
        if interruption.reason is not None and not interrupted:
            interrupted = True
            kill_at = time.monotonic() + command.grace_seconds
            _signal(process, signal.SIGTERM)
        if kill_at is not None and time.monotonic() >= kill_at:
            kill_at = None
            _signal(process, signal.SIGKILL)
            _kill_descendants()
        interruption.wait(None if kill_at is None else max(0.0, kill_at - time.monotonic()))
    _sweep(interruption)
    return ChildEnd(process.pid, process.returncode, interrupted)


def _reap(process: "subprocess.Popen[bytes]") -> bool:
    """Collect every ended child, adopted ones too; true once the process itself has ended."""
    while ended := _next_ended():
        pid, status = ended
        if pid == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode is not None


def _next_ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """To the group, and to the process itself, which may have left its group."""
    for send in (os.killpg, os.kill):
        try:
            send(process.pid, number)
        except ProcessLookupError:
            continue


def _sweep(interruption: Interruption) -> None:
    """End what the process left running: it must not go on writing while results are uploaded."""
    give_up_at = time.monotonic() + _SWEEP_SECONDS
    while _has_children() and time.monotonic() < give_up_at:
        _kill_descendants()
        interruption.wait(0.05)
        while _next_ended():
            pass


def _kill_descendants() -> None:
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def descendants(ancestor: int) -> list[int]:
    """Pids of everything below a process, from one look at /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                after_name = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            children.setdefault(int(after_name[1]), []).append(int(entry.name))
    found: list[int] = []
    level = [ancestor]
    while level:
        level = [child for parent in level for child in children.get(parent, [])]
        found += level
    return found
