"""Reading a growing log file piece by piece."""

from pathlib import Path

# What a program last said is within so many bytes.
TAIL = 4096


def read_log_file(path: Path, offset: int, limit: int) -> tuple[bytes, bool]:
    """Up to ``limit`` bytes from ``offset``, and whether more is there already. A missing file is an empty one."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(limit)
            more = bool(file.peek(1))
    except FileNotFoundError:
        return b"", False
    return content, more


def last_line(path: Path) -> str:
    """The last line that says something; empty where there is none."""
    size = path.stat().st_size if path.exists() else 0
    lines = read_log_file(path, max(0, size - TAIL), TAIL)[0].decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
