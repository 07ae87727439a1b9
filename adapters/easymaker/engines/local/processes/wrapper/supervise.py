"""The wrapper's loop: one job, its output, its limits and the requests to end it, until nothing of it is left."""

# No pathlib: it would double the wrapper's start time.
# ruff: noqa: PTH118
from __future__ import annotations

import os
import select
import signal
import time

from . import child, process_tree, records, verdict
from .cgroup import Cgroup
from .log_pump import LogPump
from .watches import MEMORY_INTERVAL, DiskWatch, MemoryWatch

# Upper bound for noticing a stop request whose signal never came, because its sender died between the two.
TICK = 1.0
KILL_PAUSE = 0.02


class Supervisor:
    """Runs the job of one process directory once. ``exit_record`` is the outcome."""

    def __init__(self, directory: str, plan: dict, cgroup: Cgroup | None, umask: int) -> None:
        self._directory = directory
        self._plan = plan
        self._limits: dict = plan["limits"]
        self._umask = umask
        self._cgroup = cgroup
        self._memory = self._disk = None
        memory_bytes, disk_bytes = self._limits.get("memory_bytes"), self._limits.get("disk_bytes")
        if memory_bytes and not (cgroup and cgroup.limit(memory_bytes)):
            self._memory = MemoryWatch(memory_bytes)
        if disk_bytes:
            self._disk = DiskWatch(self._limits.get("disk_path") or plan["cwd"], disk_bytes)
        self._wakeup, wakeup_sink = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._asked_by_signal = False
        signal.set_wakeup_fd(wakeup_sink, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._pid: int | None = None
        self._status: int | None = None
        self._ending: tuple[str, str] | None = None
        self._kill_at: float | None = None
        self._unheard = False
        self._had_to_kill = False
        self._deadline: float | None = None

    def _on_term(self, *_: object) -> None:
        self._asked_by_signal = True

    def run(self) -> dict:
        """Run the job to its end and return the exit record, without the times."""
        if records.exists(self._directory, records.STOP):
            return _record("stopped", "stopped on request before it started")
        self._log = LogPump(os.path.join(self._directory, records.LOG), self._limits["log_bytes"])
        try:
            self._pid = child.launch(self._plan, self._log.sink, self._cgroup, self._umask)
        except child.CannotStartError as error:
            return _record("unstartable", str(error))
        self._log.close_sink()
        records.write_json(self._directory, records.PID, self._pid, durable=False)
        if self._limits.get("wall_seconds"):
            self._deadline = time.monotonic() + self._limits["wall_seconds"]
        self._watch()
        self._kill_rest()
        while self._log.pump():
            pass
        return self._outcome()

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        poll.register(self._log.source, select.POLLIN)
        while self._status is None:
            for fd, _ in poll.poll(self._pause() * 1000):
                if fd == self._wakeup:
                    os.read(fd, 4096)
                elif not self._log.pump() and not self._log.open:
                    poll.unregister(fd)
            self._reap()
            if self._status is None:
                self._tick(time.monotonic())

    def _pause(self) -> float:
        now = time.monotonic()
        pause = MEMORY_INTERVAL if self._memory else TICK
        if self._unheard or (self._disk and self._disk.scanning):
            pause = KILL_PAUSE
        for moment in (self._deadline, self._kill_at):
            if moment is not None:
                # Past moments have been acted on already: then look again soon, but do not spin.
                pause = min(pause, moment - now if moment > now else KILL_PAUSE)
        return pause

    def _reap(self) -> bool:
        """Collect every child that ended, adopted ones too; False when no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._pid:
                self._status = status

    def _tick(self, now: float) -> None:
        if self._unheard:
            self._terminate()
        self._obey(now)
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._end("timeout", verdict.timeout_reason(self._limits["wall_seconds"]), now, self._grace)
        if self._out_of_memory(now):
            self._end("memory", verdict.memory_reason(self._limits["memory_bytes"]), now, 0)
        if self._disk and self._disk.exceeded(now):
            self._end("disk", verdict.disk_reason(self._disk.limit), now, 0)
        if self._kill_at is not None and now >= self._kill_at:
            self._had_to_kill = True
            self._kill_all()

    @property
    def _grace(self) -> float:
        return self._plan["grace_seconds"]

    def _obey(self, now: float) -> None:
        """Act on a stop request; one to end at once overrides a grace period that is still running."""
        request = records.read_text(self._directory, records.STOP)
        if request == records.STOP_AT_ONCE:
            self._end("stopped", "stopped on request", now, 0)
            self._kill_at = now
        elif request is not None or self._asked_by_signal:
            self._end("stopped", "stopped on request", now, self._grace)

    def _out_of_memory(self, now: float) -> bool:
        if self._memory:
            return self._memory.exceeded(now, os.getpid())
        return bool(self._cgroup and self._limits.get("memory_bytes") and self._cgroup.out_of_memory_kills())

    def _end(self, cause: str, reason: str, now: float, grace: float) -> None:
        """Begin to end the job. The first cause stays the one that is told."""
        if self._ending is None:
            self._ending = (cause, reason)
            self._kill_at = now + grace
            if grace > 0:
                self._terminate()

    def _terminate(self) -> None:
        assert self._pid is not None
        self._unheard = False
        if not self._plan["sandboxed"]:
            try:
                os.killpg(self._pid, signal.SIGTERM)
            except ProcessLookupError:
                return
            return
        # bubblewrap itself does not wait on SIGTERM: it would take its job down with SIGKILL, without the grace period.
        job = [pid for pid in process_tree.descendants(self._pid) if process_tree.process_group(pid) == self._pid]
        for pid in job:
            process_tree.kill(pid, signal.SIGTERM)
        if not job:
            process_tree.kill(self._pid)
        # While bubblewrap is still mounting, all that is there is the first process of its namespace, deaf to SIGTERM.
        self._unheard = bool(job) and all(process_tree.first_of_namespace(pid) for pid in job)

    def _kill_all(self) -> None:
        for pid in self._all():
            process_tree.kill(pid)
        if self._cgroup:
            self._cgroup.kill()

    def _all(self) -> list[int]:
        """What ends with the job. What an outlived one has started is other wrappers'."""
        if self._plan["outlived"]:
            return [self._pid] if self._pid is not None and self._status is None else []
        return process_tree.descendants(os.getpid())

    def _kill_rest(self) -> None:
        """After the main process: everything that it left behind, however it detached itself."""
        while self._reap():
            self._kill_all()
            select.select([self._wakeup], [], [], KILL_PAUSE)
            self._log.pump()

    def _outcome(self) -> dict:
        assert self._status is not None
        exit_code, number = verdict.split_status(self._status, self._plan["sandboxed"])
        cause, reason = self._ending or self._late_cause(exit_code, number) or verdict.natural_end(exit_code, number)
        if cause in ("stopped", "timeout") and self._had_to_kill and self._grace > 0:
            reason += f"; it ignored SIGTERM for {verdict.duration(self._grace)} and was killed"
        return _record(cause, reason, exit_code, number)

    def _late_cause(self, exit_code: int | None, number: int | None) -> tuple[str, str] | None:
        """The limit that a job died of by itself, faster than the loop could see it."""
        if exit_code == 0:
            return None
        memory_bytes = self._limits.get("memory_bytes")
        if memory_bytes and self._cgroup and not self._memory and self._cgroup.out_of_memory_kills():
            return "memory", verdict.memory_reason(memory_bytes)
        if self._disk and (number == signal.SIGXFSZ or self._disk.finally_exceeded()):
            return "disk", verdict.disk_reason(self._disk.limit)
        if number == signal.SIGXFSZ and self._limits.get("file_bytes"):
            return "disk", f"a file would have grown over the limit of {verdict.size(self._limits['file_bytes'])}"
        return None


def _record(cause: str, reason: str, exit_code: int | None = None, number: int | None = None) -> dict:
    return {"cause": cause, "reason": reason, "exit_code": exit_code, "signal": number}
