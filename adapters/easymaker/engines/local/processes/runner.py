"""Starts, observes, stops and removes local processes, each described by a directory of its own:

spec.json        what to run (mode 0600: it holds the environment)
lock             held by the wrapper while it lives: held means alive, whatever the pids say
started          the one run of this name is on record: no other will ever be made
pid              the job's main process
stop-requested   somebody wants it to end
log, log.1       what it printed, and what the run before a restart printed
exit, lost       how it ended
wrapper-errors   what should never happen
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from adapters.easymaker.crash_points import crash_point
from adapters.easymaker.engines.local.processes import machine, removal
from adapters.easymaker.engines.local.processes.spec import ProcessSpec, plan
from adapters.easymaker.engines.local.processes.state import Phase, ProcessState
from adapters.easymaker.engines.local.processes.wrapper import process_tree, records
from adapters.easymaker.engines.local.processes.wrapper.cgroup import Cgroup
from adapters.easymaker.errors import TemporaryEngineError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_WRAPPER = Path(__file__).with_name("wrapper_main.py")
_SPAWN_SECONDS = 30.0
_REMOVE_SECONDS = 0.15
_WRAPPER_GRACE_SECONDS = 5.0


class ProcessRunner:
    """All processes below one root directory. Any number of runners, in any number of adapters, may share it."""

    def __init__(self, root: Path, use_cgroups: bool = True) -> None:
        self._root = root.absolute()
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._use_cgroups = use_cgroups

    def directory(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no process name")
        return self._root / name

    def log_path(self, name: str) -> Path:
        return self.directory(name) / records.LOG

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self._root.iterdir() if _NAME.fullmatch(entry.name) and entry.is_dir())

    def start(self, name: str, spec: ProcessSpec) -> None:
        """Have the process run, once: a name that was started, even one that ended since, is left as it is.

        When this returns, observe() no longer says MISSING. The first caller's spec counts.
        """
        directory = self.directory(name)
        if records.exists(str(directory), records.STARTED):
            return
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            self._write_spec(directory, spec, replace=False)
        except OSError as error:
            raise TemporaryEngineError(f"the process {name} could not be started: {error.strerror}") from error
        crash_point("process.before_spawn")
        self._spawn(directory)
        crash_point("process.after_spawn")

    def observe(self, name: str) -> ProcessState:
        """The present state; a handful of system calls. Ends the remains of a process that it finds lost."""
        directory = str(self.directory(name))
        known = _ended(directory)
        if known is not None:
            return known
        started = records.read_json(directory, records.STARTED)
        held = records.is_held(directory)
        if started is None:
            return ProcessState(Phase.STARTING if held else Phase.MISSING)
        if held:
            pid = records.read_json(directory, records.PID)
            return ProcessState(Phase.STARTING if pid is None else Phase.RUNNING, pid, started_at=started["at"])
        # The wrapper may have finished between the first look and the look at the lock.
        if (known := _ended(directory)) is not None:
            return known
        if records.read_json(directory, records.STARTED) != started:
            # That run was cleared away meanwhile, to be run anew.
            return self.observe(name)
        return self._give_up(directory, started)

    def stop(self, name: str) -> None:
        """Ask for the end: SIGTERM, and SIGKILL after the spec's grace period. Returns at once."""
        directory = str(self.directory(name))
        with contextlib.suppress(FileNotFoundError):  # nothing of this name, so nothing to stop
            if not records.exists(directory, records.STOP):
                _write_text(directory, records.STOP, records.STOP_GENTLY)
            crash_point("process.before_signal")
            _signal_wrapper(directory, signal.SIGTERM)

    def remove(self, name: str) -> bool:
        """End whatever is left at once and delete the directory. False: not yet, call again."""
        directory, trash = self.directory(name), self._root / f".removed-{name}"
        deadline = time.monotonic() + _REMOVE_SECONDS
        crash_point("process.before_remove")
        if directory.exists() and not self._retire(directory, trash, deadline):
            return False
        done = removal.delete_tree(trash, deadline)
        crash_point("process.after_remove")
        return done

    def restart(self, name: str, spec: ProcessSpec) -> None:
        """Run it anew, by ``spec``, if it is over or was never started; leave a living one alone."""
        directory = self.directory(name)
        directory.mkdir(mode=0o700, exist_ok=True)
        lock = _lock_of_ended(str(directory))
        if lock is None:
            return
        try:
            self._clear(directory, spec)
        finally:
            os.close(lock)
        self.start(name, spec)

    def _write_spec(self, directory: Path, spec: ProcessSpec, replace: bool) -> None:
        if not replace and records.exists(str(directory), records.SPEC):
            return
        place = machine.cgroup_place() if self._use_cgroups else None
        records.write_json(str(directory), records.SPEC, plan(spec, directory, place), durable=False)

    def _spawn(self, directory: Path) -> None:
        environment = {key: os.environ[key] for key in ("LD_LIBRARY_PATH",) if key in os.environ}
        try:
            with (directory / records.ERRORS).open("ab") as errors:
                wrapper = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_WRAPPER), str(directory)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env=environment,
                    cwd="/",
                    start_new_session=True,
                )
            # What we wait for is only the wrapper's first half: it detaches itself and ends in a moment.
            code = wrapper.wait(_SPAWN_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TemporaryEngineError(f"the process {directory.name} could not be started: {error}") from error
        if code != 0:
            why = _last_error(directory) or "its supervisor ended early"
            raise TemporaryEngineError(f"the process {directory.name} could not be started: {why}")

    def _give_up(self, directory: str, started: dict[str, Any]) -> ProcessState:
        """Record a run whose wrapper is gone, after ending what is left of it."""
        if not _kill_remains(started):
            return ProcessState(Phase.LOST, reason="its supervisor is gone, what is left of it is being ended")
        if started["boot_id"] != records.boot_id():
            reason = "the machine was restarted while it ran"
        else:
            error = _last_error(Path(directory))
            reason = f"its supervisor failed: {error}" if error else "its supervisor was killed"
        lost = {"reason": reason, "started_at": started["at"], "finished_at": time.time(), "cause": "lost"}
        with contextlib.suppress(FileNotFoundError):
            records.write_json(directory, records.LOST, lost, durable=False)
        return ProcessState(Phase.LOST, **lost)

    def _retire(self, directory: Path, trash: Path, deadline: float) -> bool:
        """With nothing of the process left, move its directory out of the way, all at once."""
        lock = _take_over(str(directory), deadline)
        if lock is None:
            return not directory.exists()
        try:
            started = records.read_json(str(directory), records.STARTED)
            if started is not None and _ended(str(directory)) is None and not _kill_remains(started):
                return False
            if not removal.delete_tree(trash, deadline):
                return False
            directory.rename(trash)
        finally:
            os.close(lock)
        return True

    def _clear(self, directory: Path, spec: ProcessSpec) -> None:
        """Forget the run that is over. `started` goes last: a crash before leaves a run that is over, not a new one."""
        started = records.read_json(str(directory), records.STARTED)
        if started is not None and not records.exists(str(directory), records.EXIT) and not _kill_remains(started):
            raise TemporaryEngineError(f"what is left of the process {directory.name} has not ended yet")
        with contextlib.suppress(FileNotFoundError):
            (directory / records.LOG).replace(directory / records.OLD_LOG)
        self._write_spec(directory, spec, replace=True)
        for file in (records.ERRORS, records.STOP, records.PID, records.EXIT, records.LOST, records.STARTED):
            (directory / file).unlink(missing_ok=True)


def _ended(directory: str) -> ProcessState | None:
    record = records.read_json(directory, records.EXIT)
    if record is not None:
        return ProcessState(Phase.EXITED, **record)
    record = records.read_json(directory, records.LOST)
    if record is None:
        return None
    # Whoever found the run before this one lost may have been slow to write that down: it says nothing about this one.
    started = records.read_json(directory, records.STARTED)
    return ProcessState(Phase.LOST, **record) if started and started["at"] == record["started_at"] else None


def _write_text(directory: str, name: str, text: str) -> None:
    temporary = Path(directory, f"{name}.{threading.get_native_id()}.tmp")
    temporary.write_text(text, encoding="ascii")
    temporary.rename(Path(directory, name))


def _signal_wrapper(directory: str, number: int) -> None:
    """Signal the wrapper if it lives. Before it is on record it has not looked for a stop request yet, and will."""
    started = records.read_json(directory, records.STARTED)
    if started is not None and started["boot_id"] == records.boot_id() and records.is_held(directory):
        process_tree.signal_identified(started["pid"], started["start_time"], number)


def _lock_of_ended(directory: str) -> int | None:
    """The lock of a process that is over or was never started; None for a living one.

    A wrapper holds its lock for a moment after it has written down the end: that is waited for.
    """
    deadline = time.monotonic() + _WRAPPER_GRACE_SECONDS
    while (lock := records.acquire(directory)) is None and _ended(directory) is not None:
        if time.monotonic() > deadline:
            raise TemporaryEngineError(f"the supervisor of {Path(directory).name} has not ended yet")
        time.sleep(0.002)
    return lock


def _take_over(directory: str, deadline: float) -> int | None:
    """The lock, as soon as the wrapper has ended its job and itself; None when that takes longer."""
    lock = records.acquire(directory)
    if lock is not None or not records.exists(directory, records.LOCK):
        return lock
    if records.read_text(directory, records.STOP) != records.STOP_AT_ONCE:
        _write_text(directory, records.STOP, records.STOP_AT_ONCE)
    asked_at = Path(directory, records.STOP).stat().st_mtime
    # A wrapper that does not react (somebody stopped it) is ended; its job then dies with it.
    _signal_wrapper(directory, signal.SIGTERM if time.time() - asked_at < _WRAPPER_GRACE_SECONDS else signal.SIGKILL)
    while lock is None and time.monotonic() < deadline:
        time.sleep(0.005)
        lock = records.acquire(directory)
    return lock


def _kill_remains(started: dict[str, Any]) -> bool:
    """Rounds of SIGKILL over what a dead wrapper left behind; True when nothing is left."""
    group = started["cgroup"] and Cgroup(**started["cgroup"])
    deadline = time.monotonic() + _REMOVE_SECONDS
    while True:
        nothing_in_group = group is None or group.kill()
        if process_tree.kill_marked(f"{records.MARKER_VARIABLE}={started['marker']}") and nothing_in_group:
            return group is None or group.remove() or not group.pids()
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)


def _last_error(directory: Path) -> str | None:
    """The last line of what the wrapper had to complain about; nearly always there is nothing."""
    try:
        lines = (directory / records.ERRORS).read_text(errors="replace").split("\n")
    except OSError:
        return None
    return next((line.strip() for line in reversed(lines) if line.strip()), None)
