"""Which processes belong to a job, read from /proc, and how to end them without hitting a stranger.

Under a living wrapper the job is the wrapper's descendants (it is a subreaper, so nothing escapes upwards). Once the
wrapper is dead the job is known by a variable that every process of it inherited.
"""

# No pathlib: it would double the wrapper's start time.
# ruff: noqa: PTH208
from __future__ import annotations

import os
import signal
from collections import defaultdict

PAGE = os.sysconf("SC_PAGE_SIZE")


def _read(path: str) -> bytes:
    """The file's content; empty when the process is gone or another user's."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(fd)


def all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _stat_fields(pid: int) -> list[bytes]:
    """The fields after the command name, which may itself contain spaces and brackets."""
    content = _read(f"/proc/{pid}/stat")
    return content[content.rfind(b")") + 2 :].split() if content else []


def start_time(pid: int) -> int | None:
    """Clock ticks since boot at which the process began: with the pid, its identity."""
    fields = _stat_fields(pid)
    return int(fields[19]) if len(fields) > 19 else None


def process_group(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return int(fields[2]) if len(fields) > 2 else None


def first_of_namespace(pid: int) -> bool:
    """Whether it is the init of a pid namespace of its own, which a signal reaches only if it has a handler for it."""
    for line in _read(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"NSpid:"):
            return len(line.split()) > 2 and line.split()[-1] == b"1"
    return False


def descendants(root: int) -> list[int]:
    """All processes below ``root``, parents before children."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid in all_pids():
        fields = _stat_fields(pid)
        if fields:
            children[int(fields[1])].append(pid)
    found: list[int] = []
    level = children.get(root, [])
    while level:
        found += level
        level = [child for pid in level for child in children.get(pid, [])]
    return found


def marked(marker: str) -> list[int]:
    """All processes that were started with the marker, wherever they hang in the tree (zombies have none)."""
    variable = marker.encode()
    own = os.getpid()
    return [pid for pid in all_pids() if pid != own and variable in _read(f"/proc/{pid}/environ").split(b"\0")]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def signal_identified(pid: int, started: int, number: int) -> bool:
    """Signal the process only if it is still the one that began at ``started``; a reused pid is left alone."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if start_time(pid) != started:
            return False
        signal.pidfd_send_signal(fd, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(fd)


def kill_marked(marker: str) -> bool:
    """One round of SIGKILL over everything with the marker; True when there was nothing left to kill."""
    variable = marker.encode()
    found = marked(marker)
    for pid in found:
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            # Read again under the pidfd: between the scan and now the number may have gone to somebody else.
            if variable in _read(f"/proc/{pid}/environ").split(b"\0"):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
        finally:
            os.close(fd)
    return not found


def resident_bytes(pids: list[int]) -> int:
    """Sum of resident sizes: cheap, counts shared pages once per process, so never less than what is really used."""
    total = 0
    for pid in pids:
        fields = _read(f"/proc/{pid}/statm").split()
        total += int(fields[1]) * PAGE if len(fields) > 1 else 0
    return total


def proportional_bytes(pids: list[int]) -> int:
    """Sum of proportional sizes: exact with shared pages, but the kernel walks page tables for it."""
    total = 0
    for pid in pids:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                total += int(line.split()[1]) * 1024
    return total
