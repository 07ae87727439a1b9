"""Who may work in a directory: one at a time, over all threads and all adapters, and nobody once it is removed."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

LOCK = "lock"


@contextlib.contextmanager
def alone_in(directory: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the directory's lock. False: it is not there (any more), or without ``wait``: somebody else works in it.

    Whoever removes the directory does so while holding the lock, so that nothing is written into it afterwards.
    """
    path = directory / LOCK
    try:
        file = path.open("ab")
    except FileNotFoundError:
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield _still_there(path, file.fileno())


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
