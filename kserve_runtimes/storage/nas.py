"""``nas://{id}:/{path}`` for fsspec: one directory per NAS id below a configured root.

Every path is resolved, links included, and must then still lie in its NAS: a link that a job left there must not lead
to somebody else's files.
"""

import errno
import os
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from .errors import InvalidStorageUri, StorageDenied, StorageNotFound
from .options import StorageOptions
from .uri import NasUri, parse


class NasFileSystem(AbstractFileSystem):
    """Paths are ``{id}:/{path}``; ``options`` default to what the environment says."""

    protocol = "nas"
    root_marker = ""

    def __init__(self, options: StorageOptions | None = None, **storage_options: Any) -> None:
        super().__init__(**storage_options)
        self.options = options or StorageOptions.from_env()
        self._local = LocalFileSystem(auto_mkdir=True)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        text = os.fspath(path).removeprefix("nas://").rstrip("/")
        return f"{text}/" if text.endswith(":") else text

    def locate(self, path: str) -> Path:
        """The real file behind a path; raises StorageDenied when it lies outside of its NAS."""
        uri = parse(f"nas://{self._strip_protocol(path)}")
        assert isinstance(uri, NasUri)
        base = self._base(uri)
        try:
            real = base.joinpath(uri.path).resolve()
        except (OSError, RuntimeError) as error:
            raise StorageDenied(f"{uri} cannot be resolved: {_reason(error)}.") from error
        if not real.is_relative_to(base):
            raise StorageDenied(f"{uri} leads out of its NAS and is refused.")
        return real

    def _base(self, uri: NasUri) -> Path:
        if self.options.nas_root is None:
            raise StorageDenied(f"{uri} cannot be reached: no directory for NAS is configured (EASYMAKER_NAS_ROOT).")
        root = self.options.nas_root.resolve()
        base = (root / uri.id).resolve()
        if base.parent != root:
            raise StorageDenied(f"The NAS {uri.id} is a link out of the directory for NAS and is refused.")
        return base

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        real = self.locate(path)
        try:
            status = real.stat()
        except OSError as error:
            raise _not_found(path, error) from error
        kind = "directory" if real.is_dir() else "file" if real.is_file() else "other"
        return {"name": self._strip_protocol(path), "size": status.st_size, "type": kind, "mtime": status.st_mtime}

    def exists(self, path: str, **kwargs: Any) -> bool:
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        real = self.locate(path)
        name = self._strip_protocol(path)
        entries = [self.info(path)] if real.is_file() else self._entries(name, real)
        return entries if detail else [entry["name"] for entry in entries]

    def _entries(self, name: str, directory: Path) -> list[dict[str, Any]]:
        try:
            names = sorted(each.name for each in directory.iterdir())
        except OSError as error:
            raise _not_found(name, error) from error
        entries = []
        for each in names:
            try:
                entries.append(self.info(f"{name.rstrip('/')}/{each}"))
            except (StorageDenied, StorageNotFound, InvalidStorageUri):
                # Links that lead out or nowhere, and names that no URI can hold.
                continue
        return entries

    def modified(self, path: str):
        return self._local.modified(str(self._present(path)))

    def created(self, path: str):
        return self._local.created(str(self._present(path)))

    def _open(self, path, mode="rb", block_size=None, autocommit=True, cache_options=None, **kwargs) -> Any:
        real = self._present(path) if mode == "rb" else self.locate(path)
        return self._local._open(str(real), mode=mode, block_size=block_size, autocommit=autocommit, **kwargs)

    def _present(self, path: str) -> Path:
        real = self.locate(path)
        if not real.exists():
            raise StorageNotFound(f"{self.unstrip_protocol(path)} does not exist.")
        return real

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        self._local.cp_file(str(self._present(path1)), str(self.locate(path2)))

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        self._local.mkdir(str(self.locate(path)), create_parents=create_parents)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        self.locate(path).mkdir(parents=True, exist_ok=exist_ok)

    def rmdir(self, path: str) -> None:
        self.locate(path).rmdir()

    def rm_file(self, path: str) -> None:
        self._entry_itself(path).unlink()

    _rm = rm_file

    def rm(self, path, recursive: bool = False, maxdepth: int | None = None) -> None:
        for each in self.expand_path(path, recursive=False):
            real = self._entry_itself(each)
            if real.is_symlink():
                real.unlink()
            else:
                self._local.rm(str(real), recursive=recursive)

    def _entry_itself(self, path: str) -> Path:
        """The entry and not what it links to: removing removes the link."""
        name = self._strip_protocol(path)
        parent, _, last = name.rpartition("/")
        if not last:
            raise StorageDenied(f"{self.unstrip_protocol(path)} is a whole NAS and is not removed.")
        entry = self.locate(f"{parent}/") / last
        if not entry.is_symlink() and not entry.exists():
            raise StorageNotFound(f"{self.unstrip_protocol(path)} does not exist.")
        return entry


def _not_found(path: str, error: OSError) -> Exception:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return StorageNotFound(f"nas://{path.removeprefix('nas://')} does not exist.")
    return StorageDenied(f"nas://{path.removeprefix('nas://')} cannot be read: {_reason(error)}.")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "too many links"
