"""A memory control group per job, where this user may create one: an exact limit, and a list no process escapes."""

# No pathlib: it would double the wrapper's start time.
# ruff: noqa: PTH102, PTH106, PTH118, PTH123
from __future__ import annotations

import os

from . import process_tree


def _write(path: str, value: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


class Cgroup:
    """One control group of either version; every method but ``join`` and ``limit`` is safe on one that is gone."""

    def __init__(self, path: str, version: int) -> None:
        self.path = path
        self.version = version

    @classmethod
    def create(cls, parent: str, version: int, name: str) -> Cgroup | None:
        group = cls(os.path.join(parent, name), version)
        try:
            os.mkdir(group.path, 0o755)
        except OSError:
            return None
        return group

    def limit(self, memory_bytes: int) -> bool:
        """Set the limit, swap included where the kernel counts it; False when this kernel or user cannot."""
        value = str(memory_bytes)
        name = "memory.limit_in_bytes" if self.version == 1 else "memory.max"
        try:
            _write(os.path.join(self.path, name), value)
        except OSError:
            return False
        swap, swap_value = ("memory.memsw.limit_in_bytes", value) if self.version == 1 else ("memory.swap.max", "0")
        try:
            _write(os.path.join(self.path, swap), swap_value)
        except OSError:
            return True  # no swap accounting: the limit holds for resident memory
        return True

    def join(self) -> None:
        """Move the calling process, and what it will start, into the group."""
        _write(os.path.join(self.path, "cgroup.procs"), "0")

    def pids(self) -> list[int]:
        try:
            with open(os.path.join(self.path, "cgroup.procs"), encoding="ascii") as file:
                return [int(line) for line in file]
        except OSError:
            return []

    def out_of_memory_kills(self) -> int:
        """How often the kernel killed a process of this group for its memory."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        try:
            with open(os.path.join(self.path, name), encoding="ascii") as file:
                return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
        except OSError:
            return 0

    def kill(self) -> bool:
        """One round of SIGKILL over the group; True when it was empty."""
        found = self.pids()
        for pid in found:
            process_tree.kill(pid)
        return not found

    def remove(self) -> bool:
        try:
            os.rmdir(self.path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True
