"""The embedded PostgreSQL seen from outside the adapter: whether it runs, and its end."""

from pathlib import Path

import psutil

from adapters.easymaker.cli.identity import Identity, identify
from adapters.easymaker.errors import EasyMakerError
from adapters.easymaker.store.embedded import EmbeddedPostgres

STATUS_LINE = 7


def running(directory: Path) -> Identity | None:
    """The server of this data directory. A pid in its file that meanwhile is somebody else's does not count."""
    pid = _pid(directory)
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        # PostgreSQL runs as a user of its own when we are root; its working directory is the data directory.
        ours = process.name() == "postgres" and str(directory.resolve()) in _places(process)
    except psutil.Error:
        return None
    return identify(pid) if ours else None


def is_ready(directory: Path) -> bool:
    """Accepting connections, as the server itself says."""
    lines = _lines(directory)
    return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready" and running(directory) is not None


def stop(directory: Path) -> None:
    """End it in order; raises EasyMakerError when it does not end."""
    found = running(directory)
    if found is None:
        return
    EmbeddedPostgres(directory).stop()
    if found.alive():
        raise EasyMakerError(f"PostgreSQL (pid {found.pid}) does not end; see {directory}/log")


def _places(process: psutil.Process) -> set[str]:
    """Directories that the server was given, and the one that it works in."""
    places = {str(Path(word).resolve()) for word in process.cmdline()[1:] if word.startswith("/")}
    try:
        places.add(process.cwd())
    except psutil.AccessDenied:
        return places
    return places


def _lines(directory: Path) -> list[str]:
    try:
        return (directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _pid(directory: Path) -> int | None:
    lines = _lines(directory)
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None
