"""``obs://`` for fsspec: OpenStack Swift containers as a file system.

A path is ``{host[:port]}/v1/AUTH_{tenant}/{container}/{object name}``, the name as it is, without escapes. Directories
exist as far as objects lie below them. Objects whose names are no paths (``a/../b``) are not shown.
"""

import io
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.spec import AbstractFileSystem

from . import obs_listing
from .errors import InvalidStorageUri, StorageError, StorageExists, StorageNotFound
from .names import is_safe
from .objects import ObjectInfo, Objects
from .obs_file import ReadFile, WriteFile, write_atomically
from .options import StorageOptions
from .swift import Location, SwiftClient

_BLOCK = 5 * 1024 * 1024


class ObsFileSystem(AbstractFileSystem):
    """``options`` default to what the environment says (StorageOptions.from_env)."""

    protocol = "obs"
    root_marker = ""

    def __init__(self, options: StorageOptions | None = None, **storage_options: Any) -> None:
        super().__init__(**storage_options)
        self.options = options or StorageOptions.from_env()
        self.objects = Objects(SwiftClient(self.options))
        self._client = self.objects.client

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        return os.fspath(path).removeprefix("obs://").rstrip("/")

    def locate(self, path: str) -> Location:
        """The location that a path names; raises InvalidStorageUri unless it names an account at least."""
        parts = self._strip_protocol(path).split("/", 4)
        if len(parts) < 3 or parts[1] != "v1" or not parts[2].startswith("AUTH_") or not parts[0]:
            raise InvalidStorageUri(
                f"{path!r} must look like obs://{{host}}/v1/AUTH_{{tenant}}/{{container}}/{{path}}."
            )
        container, name = [*parts[3:], "", ""][:2]
        return Location(parts[0], parts[2].removeprefix("AUTH_"), container, name)

    # Looking

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        at = self.locate(path)
        if not at.name:
            self._client.call("HEAD", at)
            return _directory(at)
        try:
            info = self.objects.info(at)
        except StorageNotFound:
            info = None
        if info is not None and not info.is_marker:
            return _file(info)
        below = self._client.listing(replace(at, name=""), prefix=at.name + "/", limit=1)
        if info is None and next(below, None) is None:
            raise StorageNotFound(f"{at} does not exist.")
        return _directory(at)

    def exists(self, path: str, **kwargs: Any) -> bool:
        # Not fsspec's own, which takes "not allowed" and "not available" for "not there".
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        at = self.locate(path)
        entries = self._list(at)
        if not entries:
            info = self.info(path)
            entries = [info] if info["type"] == "file" else []
        entries.sort(key=lambda entry: entry["name"])
        return entries if detail else [entry["name"] for entry in entries]

    def find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **kwargs: Any):
        """One flat listing instead of a request for each directory."""
        at = self.locate(path)
        if maxdepth is not None or withdirs or not at.container:
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=detail, **kwargs)
        infos = [info for info in obs_listing.below(self.objects, at) if not info.is_marker and _is_shown(info.at.name)]
        entries = [_file(info) for info in infos]
        if not entries and at.name and (info := self.objects.existing(at)) is not None and not info.is_marker:
            entries = [_file(info)]
        found = {entry["name"]: entry for entry in sorted(entries, key=lambda entry: entry["name"])}
        return found if detail else list(found)

    def modified(self, path: str) -> datetime:
        modified = self.info(path).get("modified")
        if not modified:
            raise StorageError(f"{self.unstrip_protocol(path)} has no modification time.")
        return datetime.fromisoformat(modified)

    def created(self, path: str) -> datetime:
        # Swift keeps one time for an object: that of its last upload.
        return self.modified(path)

    def ukey(self, path: str) -> str:
        return self.info(path)["etag"]

    # Reading and writing

    def _open(self, path, mode="rb", block_size=None, autocommit=True, cache_options=None, **kwargs) -> Any:
        at = self._object(path)
        if mode == "rb":
            info = self.objects.info(at)
            block_size = block_size or _BLOCK
            return ReadFile(self, path, info, _file(info), block_size=block_size, cache_options=cache_options)
        if mode == "xb" and self.exists(path):
            raise StorageExists(f"{at} exists already.")
        if mode in ("wb", "xb"):
            return WriteFile(self.objects, at, _creation_headers(mode == "xb"), autocommit)
        raise NotImplementedError(f"Objects cannot be opened with mode {mode!r}.")

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        info = self.objects.info(self._object(path))
        if start is None and end is None:
            return b"".join(self.objects.read_verified(info))
        first, last, _ = slice(start, end).indices(info.size)
        return b"".join(self.objects.read(info, first, last))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if len(value) >= self.options.large_object_size:
            with self.open(path, "wb" if mode == "overwrite" else "xb") as file:
                cast(io.BufferedIOBase, file).write(value)
        else:
            self.objects.write_bytes(bytes(value), self._object(path), _creation_headers(mode != "overwrite"))

    def put_file(self, lpath, rpath, callback=DEFAULT_CALLBACK, mode="overwrite", **kwargs):
        if Path(lpath).is_dir():
            return
        at = self._object(rpath)
        with Path(lpath).open("rb") as file:
            callback.set_size(os.fstat(file.fileno()).st_size)
            callback.relative_update(self.objects.write(file, at, _creation_headers(mode != "overwrite")))

    def get_file(self, rpath, lpath: Any = None, callback=DEFAULT_CALLBACK, outfile=None, **kwargs):
        info = self._file_info(rpath)
        if info is None:
            Path(lpath).mkdir(parents=True, exist_ok=True)
            return
        callback.set_size(info.size)
        if outfile is not None:
            for chunk in self.objects.read_verified(info):
                callback.relative_update(outfile.write(chunk))
        else:
            Path(lpath).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.objects.read_verified(info), Path(lpath), callback.relative_update)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        source, target = self._file_info(path1), self._object(path2)
        if source is None or self.objects.copy(source, target):
            return
        with tempfile.TemporaryFile() as file:
            for chunk in self.objects.read_verified(source):
                file.write(chunk)
            file.flush()
            self.objects.write(cast(Any, file), target)

    def rm_file(self, path: str) -> None:
        self.objects.delete(self.objects.info(self._object(path)))

    _rm = rm_file

    def rm(self, path, recursive: bool = False, maxdepth: int | None = None) -> None:
        for each in self.expand_path(path, recursive=False):
            at = self.locate(each)
            info = self.objects.existing(at) if at.name else None
            doomed = [info] if info is not None else []
            if recursive:
                doomed += obs_listing.below(self.objects, at)
            if not doomed and at.name:
                raise StorageNotFound(f"{at} does not exist.")
            with ThreadPoolExecutor(self.options.threads) as pool:
                list(pool.map(self.objects.delete, doomed))
            if recursive and not at.name:
                self.rmdir(each)

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Creates a container; a directory inside one is there as soon as an object is."""
        at = self.locate(path)
        if at.container and (not at.name or create_parents):
            container = replace(at, name="")
            if at.name and self.exists(str(container)):
                return
            self._client.call("PUT", container, headers={"Content-Length": "0"})

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        self.mkdir(path)

    def rmdir(self, path: str) -> None:
        at = self.locate(path)
        if at.container and not at.name:
            self._client.call("DELETE", at)

    def _list(self, at: Location) -> list[dict[str, Any]]:
        if not at.container:
            names = obs_listing.containers(self.objects, at)
            return [_directory(replace(at, container=name)) for name in names if is_safe(name)]
        children = obs_listing.children(self.objects, at)
        entries = [_file(info) for info in children.files if _is_shown(info.at.name)]
        files = {info.at.name for info in children.files}
        return entries + [
            _directory(replace(at, name=name)) for name in children.directories if name not in files and _is_shown(name)
        ]

    def _file_info(self, path: str) -> ObjectInfo | None:
        """None for a directory; raises StorageNotFound where nothing is."""
        at = self.locate(path)
        info = self.objects.existing(at) if at.name else None
        if info is None or info.is_marker:
            self.info(path)
            return None
        return info

    def _object(self, path: str) -> Location:
        at = self.locate(path)
        if not at.name:
            raise InvalidStorageUri(f"{at} names a container and not an object.")
        return at


def _creation_headers(exclusive: bool) -> dict[str, str]:
    return {"If-None-Match": "*"} if exclusive else {}


def _path(at: Location) -> str:
    return str(at).removeprefix("obs://")


def _directory(at: Location) -> dict[str, Any]:
    return {"name": _path(at), "size": 0, "type": "directory"}


def _file(info: ObjectInfo) -> dict[str, Any]:
    return {
        "name": _path(info.at),
        "size": info.size,
        "type": "file",
        "etag": info.etag,
        "modified": info.modified,
        "content_type": info.content_type,
    }


def _is_shown(name: str) -> bool:
    """Whether a tool that makes a path of the name ends up where the name says."""
    return is_safe(name) and "//" not in name and not name.startswith("/")
