"""Limits that no unprivileged kernel call enforces for a whole job: memory by sampling, and disk space."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from . import process_tree

MEMORY_INTERVAL = 0.25
DISK_INTERVAL = 1.0
DISK_SHARE = 20  # a scan that took t is followed by a pause of at least 20 t
SCAN_STEP_SECONDS = 0.01
FINAL_SCAN_SECONDS = 1.0


class MemoryWatch:
    """Compares the memory of the job's processes with the limit, when no control group does it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._next = 0.0

    def exceeded(self, now: float, root: int) -> bool:
        if now < self._next:
            return False
        self._next = now + MEMORY_INTERVAL
        pids = process_tree.descendants(root)
        # Resident sizes overstate what forked workers share, so they only decide when to look closely.
        return process_tree.resident_bytes(pids) > self.limit and process_tree.proportional_bytes(pids) > self.limit


class DiskWatch:
    """Measures a directory in small steps, so that a huge tree delays neither the log nor a stop request."""

    def __init__(self, path: str, limit: int) -> None:
        self.limit = limit
        self._path = path
        self._scan: Iterator[int] | None = None
        self._next = 0.0
        self._spent = 0.0

    @property
    def scanning(self) -> bool:
        return self._scan is not None

    def exceeded(self, now: float) -> bool:
        """Do one step of a scan that is due; True as soon as the sum is over the limit."""
        if self._scan is None:
            if now < self._next:
                return False
            self._scan, self._spent = measure(self._path), 0.0
        return self._step(SCAN_STEP_SECONDS)

    def finally_exceeded(self) -> bool:
        """A whole scan from scratch, for a job that failed: was it the disk?"""
        self._scan = measure(self._path)
        return self._step(FINAL_SCAN_SECONDS)

    def _step(self, budget: float) -> bool:
        assert self._scan is not None
        begin = time.monotonic()
        for total in self._scan:
            if total >= self.limit:
                self._scan = None
                return True
            if time.monotonic() - begin > budget:
                self._spent += time.monotonic() - begin
                return False
        self._spent += time.monotonic() - begin
        self._next = time.monotonic() + max(DISK_INTERVAL, DISK_SHARE * self._spent)
        self._scan = None
        return False


def measure(path: str) -> Iterator[int]:
    """Running total of the disk space below ``path``, one value per entry; hard links count once."""
    total = 0
    seen: set[tuple[int, int]] = set()
    pending = [path]
    while pending:
        try:
            entries = os.scandir(pending.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                except OSError:
                    continue
                if status.st_nlink > 1:
                    identity = (status.st_dev, status.st_ino)
                    if identity in seen:
                        continue
                    seen.add(identity)
                total += status.st_blocks * 512
                yield total
