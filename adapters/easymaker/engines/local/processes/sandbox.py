"""What a job may see of the file system, put in force by bubblewrap where that works for this user."""

import functools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_NAMESPACES = ("--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL")
_DEVICES = ("nvidia*", "dri", "kfd")
_PROBE_SECONDS = 10


@dataclass(frozen=True)
class Sandbox:
    """The root file system is readable and not writable, and then, the deeper path winning over the higher one:"""

    readable: tuple[Path, ...] = ()
    """Shown although it lies below something hidden."""
    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    """Replaced by an empty directory of the job's own (in memory, writable), a file by an empty one."""


@functools.cache
def bubblewrap() -> str | None:
    """The path of a bubblewrap that this user can really run; None where it is missing or forbidden."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    probe = [program, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *_NAMESPACES, "/bin/sh", "-c", ":"]
    try:
        done = subprocess.run(probe, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return program if done.returncode == 0 else None


def sandboxed_argv(sandbox: Sandbox | None, argv: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The argv to execute, and whether it runs in a sandbox."""
    program = bubblewrap() if sandbox is not None else None
    if sandbox is None or program is None:
        return tuple(argv), False
    return (program, *arguments(sandbox), "--", *argv), True


def arguments(sandbox: Sandbox) -> list[str]:
    """bubblewrap's arguments. Paths that do not exist are left out: there is nothing to show or to hide."""
    mounts: list[tuple[int, int, list[str]]] = []
    for rank, paths in enumerate((sandbox.hidden, sandbox.readable, sandbox.writable)):
        for path in paths:
            real = path.resolve()
            if real.exists():
                mounts.append((len(real.parts), rank, _mount(rank, real)))
    # A mount covers whatever was mounted below its target before: parents first.
    mounts.sort(key=lambda mount: mount[:2])
    devices = [str(path) for pattern in _DEVICES for path in sorted(Path("/dev").glob(pattern))]
    return [
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *(word for device in devices for word in ("--dev-bind-try", device, device)),
        *(word for _, _, words in mounts for word in words),
        *_NAMESPACES,
    ]


def _mount(rank: int, path: Path) -> list[str]:
    if rank == 0:
        return ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]
    return ["--ro-bind" if rank == 1 else "--bind", str(path), str(path)]
