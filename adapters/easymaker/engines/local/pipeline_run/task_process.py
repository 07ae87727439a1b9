"""One attempt of a task as a process session of its own: its log, its end by timeout or stop, nothing left."""

import ctypes
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.engines.local.processes.wrapper import process_tree
from adapters.easymaker.engines.local.processes.wrapper.log_pump import LogPump

MARKER = "EASYMAKER_PIPELINE_TASK"

_PR_SET_CHILD_SUBREAPER = 36
# How soon a stop or a timeout is noticed; an end and output are noticed at once.
_TICK = 0.1
_KILL_PAUSE = 0.01


@dataclass(frozen=True)
class Command:
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    log_bytes: int
    grace_seconds: float
    seconds: float | None
    marker: str
    sandboxed: bool = False


@dataclass(frozen=True)
class Outcome:
    """``reason`` is empty when all went well."""

    reason: str = ""
    stopped: bool = False


class TaskProcesses:
    """All tasks' processes of this program. Nothing that a task has started outlives it."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._known: set[int] = set()
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def run(self, command: Command) -> Outcome:
        log = _Log(str(command.log), command.log_bytes)
        try:
            try:
                process = self._begin(command, log.sink)
            finally:
                log.close_sink()
            return self._follow(process, command, log)
        except OSError as error:
            return Outcome(f"could not be started: {error.strerror or error}")
        finally:
            log.close()

    def end_all(self) -> None:
        """Whatever is still below this process, for this process is about to end."""
        while below := process_tree.descendants(os.getpid()):
            for pid in below:
                process_tree.kill(pid)
            _reap(below)
            time.sleep(_KILL_PAUSE)

    def _begin(self, command: Command, output: int) -> "subprocess.Popen[bytes]":
        # Under the lock, so that a child is never taken for an orphan before it is known.
        with self._lock:
            process = subprocess.Popen(
                command.argv,
                env={**command.env, MARKER: command.marker},
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._known.add(process.pid)
            return process

    def _follow(self, process: "subprocess.Popen[bytes]", command: Command, log: "_Log") -> Outcome:
        ending = _Ending(self._stop, command)
        try:
            self._watch(process, ending, log)
        finally:
            # Not reaped yet, so the number of its group is still its own.
            _kill_group(process.pid)
            code = process.wait()
            self._sweep(process.pid, command.marker)
        while log.pump():
            pass
        if ending.cause:
            return Outcome(ending.cause, stopped=ending.stopped)
        return Outcome(_told(code))

    def _watch(self, process: "subprocess.Popen[bytes]", ending: "_Ending", log: "_Log") -> None:
        end = os.pidfd_open(process.pid)
        poll = select.poll()
        poll.register(end, select.POLLIN)
        poll.register(log.source, select.POLLIN)
        try:
            while True:
                ready = [descriptor for descriptor, _ in poll.poll(_TICK * 1000)]
                if log.source in ready and not log.pump() and not log.open:
                    poll.unregister(log.source)
                if end in ready:
                    return
                ending.look(process.pid)
        finally:
            os.close(end)

    def _sweep(self, ended: int, marker: str) -> None:
        """End what the task has left behind in other sessions: it has become our child."""
        variable = f"{MARKER}={marker}"
        with self._lock:
            self._known.discard(ended)
            while orphans := _children() - self._known:
                _reap(orphans)
                mine = orphans & set(process_tree.marked(variable))
                if not mine:
                    return
                for pid in mine:
                    process_tree.kill(pid)
                time.sleep(_KILL_PAUSE)


class _Ending:
    """Whether an attempt is being ended before its time, and why. The first cause is the one that is told."""

    def __init__(self, stop: threading.Event, command: Command) -> None:
        self._stop = stop
        self._command = command
        self._deadline = None if command.seconds is None else time.monotonic() + command.seconds
        self._kill_at: float | None = None
        self.cause = ""
        self.stopped = False

    def look(self, pid: int) -> None:
        now = time.monotonic()
        if not self.cause and self._stop.is_set():
            self.stopped = True
            self._begin("stopped on request", pid, now)
        elif not self.cause and self._deadline is not None and now >= self._deadline:
            self._begin(f"took longer than its timeout of {self._command.seconds:g} seconds", pid, now)
        if self._kill_at is not None and now >= self._kill_at:
            for each in (*process_tree.descendants(pid), pid):
                process_tree.kill(each)

    def _begin(self, cause: str, pid: int, now: float) -> None:
        self.cause = cause
        self._kill_at = now + self._command.grace_seconds
        if self._command.sandboxed:
            # bubblewrap would take its job down at once, without the grace period.
            for each in process_tree.descendants(pid):
                process_tree.kill(each, signal.SIGTERM)
        else:
            _kill_group(pid, signal.SIGTERM)


class _Log(LogPump):
    def close(self) -> None:
        os.close(self.source)
        os.close(self._file)


def kill_remains(variable: str) -> None:
    """End the tasks that an earlier process of the same run has left."""
    while not process_tree.kill_marked(variable):
        time.sleep(_KILL_PAUSE)


def _kill_group(group: int, number: int = signal.SIGKILL) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _children() -> set[int]:
    """Each thread has its own."""
    found: set[int] = set()
    for file in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(map(int, file.read_text().split()))
        except OSError:
            continue
    return found


def _reap(pids: "set[int] | list[int]") -> None:
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue


def _told(code: int) -> str:
    if code == 0:
        return ""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
