"""The work directory: one launcher at a time, and a clean start even after a kill -9 in the middle."""

import fcntl
import os
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfp_components.easymaker.launcher.exit_codes import ExitCode, LauncherError
from kfp_components.easymaker.launcher.messages import say
from kfp_components.easymaker.launcher.work_paths import WorkPaths

_END_SECONDS = 5.0
# In a TensorBoard directory: whose logs these are. TensorBoard overlooks it.
TENSORBOARD_MARK = ".launcher"


class WorkDirectoryBusy(LauncherError):
    """The directory, and the status file with it, belong to another launcher that is at work."""


@contextmanager
def held(paths: WorkPaths) -> Iterator[None]:
    """Keep every other launcher out. The system gives the lock back however this process ends."""
    try:
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LauncherError(ExitCode.WORK_DIR, f"The work directory cannot be used: {error}.") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reason = f"Another launcher is at work in {paths.root}."
            raise WorkDirectoryBusy(ExitCode.WORK_DIR, reason) from None
        yield
    finally:
        os.close(lock)


def start_afresh(paths: WorkPaths) -> None:
    """Empty directories for a new run, and nothing of an earlier one, neither files nor processes."""
    _clear(paths)
    for path in (paths.datasets, paths.checkpoint, paths.model, paths.home, paths.temporary, paths.tensorboard):
        path.mkdir(parents=True, exist_ok=True)


def claim_tensorboard(directory: Path, training_id: str) -> None:
    """Drop what an earlier run of this training wrote there, which would be drawn twice. What else is there, stays."""
    mark = directory / TENSORBOARD_MARK
    if directory.is_symlink() or mark.is_symlink():
        return
    if mark.is_file() and mark.read_text(errors="replace") == training_id:
        say("an earlier run of this training has written TensorBoard logs; they are begun afresh")
        discard([path for path in directory.iterdir() if path != mark])
    else:
        mark.write_text(training_id)


def discard(directories: Iterable[Path]) -> None:
    """Give the space back after a run. What cannot be removed is left for whoever owns the work directory."""
    for path in directories:
        if path.is_symlink() or path.exists():
            try:
                remove_tree(path)
            except OSError as error:
                say(f"warning: {path} could not be removed: {error}")


def _clear(paths: WorkPaths) -> None:
    if paths.source.exists():
        say("an earlier run was cut off in this work directory; starting afresh")
        _end_processes_of(paths)
    for path in paths.disposable:
        if path.is_symlink() or path.exists():
            remove_tree(path)


def remove_tree(path: Path) -> None:
    """Also where the user's code took away the permission to do so."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, onerror=_unlock_and_retry)


def _unlock_and_retry(function: Callable[..., Any], path: str, _: Any) -> None:
    for locked in (Path(path).parent, Path(path)):
        if not locked.is_symlink():
            locked.chmod(locked.lstat().st_mode | stat.S_IRWXU)
    if function in (os.open, os.scandir, os.rmdir):
        shutil.rmtree(path)
    else:
        function(path)


def _end_processes_of(paths: WorkPaths) -> None:
    """A killed launcher cannot end its entry point; its processes still name this directory in their environment."""
    mark = b"EM_SOURCE_DIR=" + os.fsencode(paths.source)
    give_up_at = time.monotonic() + _END_SECONDS
    while (marked := _processes_with(mark)) and time.monotonic() < give_up_at:
        for pid in marked:
            say(f"ending process {pid}, which the earlier run left")
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.02)


def _processes_with(mark: bytes) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in variables:
                found.append(int(entry.name))
    return found
