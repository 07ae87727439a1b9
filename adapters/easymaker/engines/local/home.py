"""Where the local engine keeps what: one directory, of which everything else in this package derives its paths."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

CONTAINER = "easymaker"
"""The object storage's container that is there from the beginning, in each appkey's account."""


@dataclass(frozen=True)
class LocalHome:
    """``root`` holds all state; ``nas`` has one folder per appkey and in it one per nas:// id."""

    root: Path
    nas: Path
    secrets: Path

    def create(self) -> None:
        for directory in (self.root, self.nas, self.processes, self.jobs, self.models, self.tensorboard):
            directory.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)

    @property
    def processes(self) -> Path:
        return self.root / "processes"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    def nas_of(self, appkey: str) -> Path:
        """The only NAS folders that this appkey's jobs and models reach."""
        path = self.nas / appkey
        path.mkdir(parents=True, exist_ok=True)
        return path

    def secret(self, name: str) -> bytes:
        """A random secret of 32 bytes, made at first use; the file has mode 0600 from its first moment."""
        path = self.secrets / name
        while True:
            try:
                return path.read_bytes()
            except FileNotFoundError:
                write_secret(path, secrets.token_bytes(32), replace=False)


def write_secret(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file of mode 0600 in one step. With ``replace`` False an existing file stays as it is."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if replace:
        partial.replace(path)
        return
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
