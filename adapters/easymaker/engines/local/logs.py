"""Reading a growing log file piece by piece."""

from pathlib import Path


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
