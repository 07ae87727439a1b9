"""An append-only file of JSON lines: what it says has happened, or is about to be done by whoever reads it next.

A record is on the disk when append() returns. A line that a crash has cut short was never appended: it is cut away
when the file is opened next.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.easymaker.crash_points import crash_point

Event = dict[str, Any]


class JournalInUse(Exception):
    """Another process is writing to it."""


class Journal:
    """The one writer. Holds a lock for as long as it is open, which ends with the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise JournalInUse(str(path)) from None
        os.ftruncate(self._file, whole(path.read_bytes()))
        _sync_directory(path.parent)

    def append(self, event: Event) -> None:
        """Raises OSError, of a full disk for instance; the journal is then as it was."""
        end = os.fstat(self._file).st_size
        crash_point("tuning.before_append")
        try:
            self._write(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, end)
            raise
        crash_point("tuning.after_append")

    def close(self) -> None:
        os.close(self._file)

    def _write(self, line: bytes) -> None:
        while line:
            line = line[os.write(self._file, line) :]


def read(path: Path) -> Iterator[Event]:
    """All whole records, also while somebody is writing; none when there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for line in content[: whole(content)].splitlines():
        yield json.loads(line)


def whole(content: bytes) -> int:
    """How many bytes of it are whole records."""
    end = content.rfind(b"\n") + 1
    while end:
        start = content.rfind(b"\n", 0, end - 1) + 1
        try:
            json.loads(content[start:end])
        except ValueError:
            end = start  # blocks of a file may get to the disk in any order when the power fails
        else:
            return end
    return 0


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
