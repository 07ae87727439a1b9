"""The adapter's log file: kept from growing over restarts, and read for the reason of a failed start."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEEP = 3
ROTATE_BYTES = 16 * 1024 * 1024
TAIL_BYTES = 256 * 1024
REASON_LENGTH = 500
BAD = ("error", "critical")
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*: ")
_MODULE = re.compile(r"^[a-z_][\w.]*\.\w+: ")


def rotate(path: Path, limit: int = ROTATE_BYTES) -> None:
    """Move a large log out of the way: log.1 is the newest of those that are kept."""
    if not path.exists() or path.stat().st_size < limit:
        return
    for number in range(KEEP, 0, -1):
        older = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number}"))


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def trouble_since(path: Path, offset: int) -> str:
    """The last thing that went wrong after ``offset``, in one line; empty when nothing did."""
    plain = ""
    told: list[str] = []
    for line in _read(path, offset).splitlines():
        entry = _entry(line)
        if entry is None:
            plain = line.strip() or plain
        elif entry.get("level") in BAD:
            told.append(str(entry.get("exception") or entry.get("event") or "").strip())
    # What has a traceback says more than the sentence after it that everything is over.
    reasons = [text for text in told if "Traceback" in text] or told
    return (_last_words(reasons[-1]) if reasons else plain)[:REASON_LENGTH]


def _last_words(text: str) -> str:
    """The exception's message where there is a traceback, without its class where that is ours or a library's."""
    lines = text.splitlines() or [""]
    told = [line for line in lines if _EXCEPTION.match(line)] if "Traceback" in text else []
    return _MODULE.sub("", (told or lines)[-1])


def tail(path: Path, lines: int) -> list[str]:
    start = max(0, size(path) - TAIL_BYTES)
    return _read(path, start).splitlines()[-lines:] if lines > 0 else []


def follow(path: Path, offset: int, wait: Any) -> Iterator[str]:
    """Lines as they are written, for ever; ``wait`` is called when there is nothing new. Outlives a rotation."""
    rest = b""
    while True:
        if size(path) < offset:
            offset, rest = 0, b""
        new = _bytes(path, offset)
        offset += len(new)
        *whole, rest = (rest + new).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
        if not new:
            wait()


def _entry(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _read(path: Path, offset: int) -> str:
    return _bytes(path, offset).decode("utf-8", "replace")


def _bytes(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read()
    except FileNotFoundError:
        return b""
