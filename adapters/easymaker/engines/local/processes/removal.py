"""Deletes a directory tree that a job has written, within a time budget, so that no caller is held up by a huge one."""

import os
import time
from pathlib import Path


def delete_tree(path: Path, deadline: float) -> bool:
    """Delete as much as ``deadline`` (of time.monotonic) allows; True when nothing is left."""
    try:
        entries = os.scandir(path)
    except FileNotFoundError:
        return True
    except PermissionError:
        path.chmod(0o700)
        entries = os.scandir(path)
    with entries:
        for entry in entries:
            if time.monotonic() > deadline:
                return False
            if entry.is_dir(follow_symlinks=False):
                if not delete_tree(Path(entry.path), deadline):
                    return False
            else:
                _unlink(Path(entry.path))
    path.rmdir()
    return True


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        path.parent.chmod(0o700)
        path.unlink(missing_ok=True)
