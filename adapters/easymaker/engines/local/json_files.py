"""JSON and other files that are replaced whole: a reader, Envoy too, sees the old one or the new one."""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PARTIAL = ".new-"


def read_json(path: Path, missing: Any) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return missing


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False))


def write_text(path: Path, text: str) -> None:
    """Written beside the file and moved over it; on disk before the move, so that a power cut leaves no empty file."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PARTIAL)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)


def remove_partial(directory: Path) -> None:
    """What writers that were killed have left in it. Whoever calls holds the lock under which it is written."""
    for path in directory.glob(f"{_PARTIAL}*"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One holder at a time, among threads and processes; ends with the holder."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
