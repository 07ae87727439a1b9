"""The files of a process directory: their names, atomic writing, and the lock that says "alive".

The lock is an open-file-description lock: it can be *tested* without being taken, so observers never get in the way of
a wrapper that is about to take it, and it goes away with its holder whatever kills that.
"""

# No pathlib: it would double the wrapper's start time.
# ruff: noqa: PTH104, PTH116, PTH118, PTH123
from __future__ import annotations

import _thread
import fcntl
import json
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SPEC = "spec.json"
LOCK = "lock"
STARTED = "started"
PID = "pid"
STOP = "stop-requested"
EXIT = "exit"
LOST = "lost"
LOG = "log"
OLD_LOG = "log.1"
ERRORS = "wrapper-errors"

STOP_GENTLY = "stop"
STOP_AT_ONCE = "kill"

MARKER_VARIABLE = "EASYMAKER_PROCESS"

_FLOCK = "hhqqi4x"


def write_json(directory: str, name: str, value: object, durable: bool = True) -> None:
    """Put the record in place as a whole; with ``durable`` it is on the disk when this returns."""
    target = os.path.join(directory, name)
    temporary = f"{target}.{_thread.get_native_id()}.tmp"  # unique among all threads of all processes
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(json.dumps(value).encode())
        file.flush()
        if durable:
            os.fsync(fd)
    os.rename(temporary, target)
    if durable:
        sync_directory(directory)


def sync_directory(directory: str) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_json(directory: str, name: str) -> Any:
    """The record; None when there is none."""
    text = read_text(directory, name)
    return None if text is None else json.loads(text)


def read_text(directory: str, name: str) -> str | None:
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def exists(directory: str, name: str) -> bool:
    return os.path.lexists(os.path.join(directory, name))


def _lock_request() -> bytes:
    return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def acquire(directory: str) -> int | None:
    """Take the lock and return its descriptor; None when it is held or when the directory was removed meanwhile."""
    path = os.path.join(directory, LOCK)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _lock_request())
        ours, named = os.fstat(fd), os.stat(path)
    except (BlockingIOError, PermissionError, FileNotFoundError):
        os.close(fd)
        return None
    if (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino):
        os.close(fd)
        return None
    return fd


def is_held(directory: str) -> bool:
    """Whether a wrapper (or, for moments, a remover) holds the lock."""
    try:
        fd = os.open(os.path.join(directory, LOCK), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _lock_request())
    finally:
        os.close(fd)
    return struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
