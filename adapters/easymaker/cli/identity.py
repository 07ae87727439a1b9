"""Processes on record: a pid together with its start time, so that a reused pid is never taken for ours."""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.processes.wrapper import process_tree, records

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Identity:
    pid: int
    start_time: int
    boot_id: str

    def alive(self) -> bool:
        return (
            self.boot_id == records.boot_id()
            and process_tree.start_time(self.pid) == self.start_time
            and (not _is_zombie(self.pid))
        )

    def signal(self, number: int) -> bool:
        """False when it is not there any more."""
        return self.boot_id == records.boot_id() and process_tree.signal_identified(self.pid, self.start_time, number)


def identify(pid: int) -> Identity | None:
    started = process_tree.start_time(pid)
    return None if started is None else Identity(pid, started, records.boot_id())


def write_record(path: Path, identity: Identity, **more: Any) -> None:
    content = {"pid": identity.pid, "start_time": identity.start_time, "boot_id": identity.boot_id, **more}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)


def read_record(path: Path) -> Identity | None:
    """The process on record, whether it lives or not; None when there is no (readable) record."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Identity(int(content["pid"]), int(content["start_time"]), str(content["boot_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def living(path: Path) -> Identity | None:
    found = read_record(path)
    return found if found is not None and found.alive() else None


def end(identity: Identity, grace_seconds: float) -> None:
    """SIGTERM, then SIGKILL; its own children that have not ended with it are ended too."""
    children = [child for pid in process_tree.descendants(identity.pid) if (child := identify(pid)) is not None]
    identity.signal(signal.SIGTERM)
    if not wait_for_end(identity, grace_seconds):
        identity.signal(signal.SIGKILL)
        wait_for_end(identity, grace_seconds)
    for child in children:
        child.signal(signal.SIGKILL)


def wait_for_end(identity: Identity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while identity.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[bool]:
    """Whether this process is the only one that holds the lock; it is free again when its holder ends, however."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def is_held(path: Path) -> bool:
    if not path.exists():
        return False
    with only_one(path) as ours:
        return not ours


def _is_zombie(pid: int) -> bool:
    try:
        content = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return content[content.rfind(")") + 2 :].startswith("Z")
