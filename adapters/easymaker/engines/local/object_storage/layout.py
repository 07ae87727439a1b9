"""Where the object storage keeps what: one directory, which a restart finds again."""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from adapters.easymaker.errors import PermanentEngineError

DEVICE = "disk"


@dataclass(frozen=True)
class Ports:
    proxy: int
    account: int
    container: int
    object: int

    def all(self) -> tuple[int, ...]:
        return (self.proxy, self.account, self.container, self.object)


@dataclass(frozen=True)
class Layout:
    """Paths under the object storage's home directory."""

    home: Path

    @property
    def conf(self) -> Path:
        return self.home / "conf"

    @property
    def devices(self) -> Path:
        return self.home / "devices"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def ports_file(self) -> Path:
        return self.home / "ports.json"

    @property
    def lock_file(self) -> Path:
        return self.home / "lock"

    @property
    def backend_key(self) -> Path:
        return self.home / "backend.key"

    @property
    def hash_suffix(self) -> Path:
        return self.home / "hash-suffix"

    @property
    def async_pending(self) -> Path:
        return self.devices / DEVICE / "async_pending"

    def create(self) -> None:
        for directory in (self.home, self.conf, self.devices, self.devices / DEVICE, self.cache):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for secret in (self.backend_key, self.hash_suffix):
            secret_file(secret)
        require_xattr(self.devices / DEVICE)

    def ports(self) -> Ports | None:
        try:
            return Ports(**json.loads(self.ports_file.read_text()))
        except FileNotFoundError:
            return None

    def save_ports(self, ports: Ports) -> None:
        write_atomically(self.ports_file, json.dumps(asdict(ports)))


def write_atomically(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def secret_file(path: Path) -> bytes:
    """The secret in ``path``, made when it is not there; two that make it at once agree on one."""
    if not path.exists():
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_hex(32))
        try:
            path.hardlink_to(partial)
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    return path.read_bytes()


def require_xattr(directory: Path) -> None:
    """Swift stores an object's metadata in extended attributes; without them every upload fails."""
    probe = directory / f".xattr-{secrets.token_hex(4)}"
    probe.touch(mode=0o600)
    try:
        # The size that Swift writes at once, so that a file system with very small attributes is found out too.
        os.setxattr(probe, "user.swift.metadata", b"0" * 2048)
    except OSError as error:
        raise PermanentEngineError(
            f"The object storage cannot keep its data in {directory}: this file system has no extended attributes "
            f"({error.strerror}). Set EASYMAKER_HOME to a directory on ext4, xfs or btrfs."
        ) from error
    finally:
        probe.unlink()


def free_ports() -> Ports:
    """Four ports that nobody listens on; held together so that they differ."""
    sockets = [socket.socket() for _ in range(4)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return Ports(*(each.getsockname()[1] for each in sockets))
    finally:
        for each in sockets:
            each.close()
