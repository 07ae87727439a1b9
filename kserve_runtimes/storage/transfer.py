"""Whole trees between a storage URI and this machine.

A URI names a directory, as it does for the official SDK: an uploaded file keeps its name below it, and a URI that
names one object downloads that object into the destination.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import fsspec
from fsspec.spec import AbstractFileSystem

from . import obs_listing
from .errors import InvalidStorageUri, StorageDenied, StorageError, StorageNotFound, StorageUnavailable
from .names import Entry, Target, is_safe, plan
from .nas import NasFileSystem
from .objects import ObjectInfo
from .obs import ObsFileSystem
from .obs_file import write_atomically
from .options import StorageOptions
from .uri import NasUri, ObsUri, OtherUri, parse

_OBJECT_NAME_BYTES = 1024


@dataclass(frozen=True)
class TransferSummary:
    """``skipped`` names what could not be a file or an object: links that lead out, sockets and the like."""

    files: int
    bytes: int
    skipped: tuple[str, ...] = ()


def download(uri: str, destination: Path, options: StorageOptions) -> TransferSummary:
    """Fetch what ``uri`` names into the directory ``destination``, and write nowhere else."""
    source = _source(uri, options)
    targets = plan(source.entries())
    destination.mkdir(parents=True, exist_ok=True)
    root = destination.resolve()
    with ThreadPoolExecutor(options.threads) as pool:
        done = [pool.submit(_fetch, source, target, root) for target in targets]
        try:
            sizes = [each.result() for each in done]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return TransferSummary(len(sizes), sum(sizes))


def upload(source: Path, uri: str, options: StorageOptions) -> TransferSummary:
    """Store a file, or all files below a directory, below ``uri``; empty directories are not stored."""
    files, skipped = _local_files(source)
    parsed = _parse_allowed(uri, options)
    store = _store_obs(parsed, options) if isinstance(parsed, ObsUri) else _store_other(parsed, options)
    with ThreadPoolExecutor(options.threads) as pool:
        done = [pool.submit(store, path, name) for name, path in files.items()]
        try:
            sizes = [each.result() for each in done]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return TransferSummary(len(sizes), sum(sizes), tuple(skipped))


def listing(uri: str, options: StorageOptions, limit: int = 1000) -> list[Entry]:
    """The first files below ``uri`` in the order of their names."""
    entries = [entry for entry in _source(uri, options).entries() if not entry.is_marker]
    return sorted(entries, key=lambda entry: entry.name)[:limit]


def file_system(uri: str, options: StorageOptions) -> tuple[AbstractFileSystem, str]:
    """The fsspec file system for a URI, and the path by which it knows it; other schemes only if they are allowed."""
    parsed = _parse_allowed(uri, options)
    if isinstance(parsed, ObsUri):
        return ObsFileSystem(options), parsed.fs_path
    if isinstance(parsed, NasUri):
        return NasFileSystem(options), parsed.fs_path
    try:
        fs, path = fsspec.url_to_fs(str(parsed))
    except (ImportError, ValueError) as error:
        raise InvalidStorageUri(f"{parsed} cannot be opened here: {error}.") from error
    return fs, path


class _ObsSource:
    def __init__(self, uri: ObsUri, options: StorageOptions) -> None:
        self._uri = uri
        self._fs = ObsFileSystem(options)
        self._infos: dict[str, ObjectInfo] = {}

    def entries(self) -> list[Entry]:
        at = self._fs.locate(self._uri.fs_path)
        objects = self._fs.objects
        single = None if self._uri.is_directory else objects.existing(at)
        if single is not None and not single.is_marker and (single.size or single.segments is not None):
            self._infos = {at.name.rpartition("/")[2]: single}
        else:
            prefix = len(at.name) + 1 if at.name else 0
            self._infos = {info.at.name[prefix:]: info for info in obs_listing.below(objects, at)}
            # The marker of the directory itself.
            self._infos.pop("", None)
            if not self._infos and single is not None and not single.is_marker:
                self._infos = {at.name.rpartition("/")[2]: single}
            elif not self._infos:
                self._require(at)
        return [Entry(name, info.size, info.etag, info.modified, info.is_marker) for name, info in self._infos.items()]

    def _require(self, at: Any) -> None:
        if at.name:
            raise StorageNotFound(f"{self._uri} does not exist, or nothing lies there.")
        self._fs.objects.client.call("HEAD", at)

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        return self._fs.objects.read_verified(self._infos[entry.name])


class _OtherSource:
    """Any other file system of fsspec, ours for nas:// included."""

    def __init__(self, uri: NasUri | OtherUri, options: StorageOptions) -> None:
        self._uri = uri
        self._options = options
        self._fs, self._path = file_system(str(uri), options)
        self._names: dict[str, str] = {}

    def entries(self) -> list[Entry]:
        with _mapped_errors(self._uri):
            info = self._fs.info(self._path)
            if info["type"] == "file":
                base = self._path.rstrip("/").rpartition("/")[0]
                found = {self._path: info}
            else:
                base = self._path.rstrip("/")
                found = cast(dict[str, Any], self._fs.find(self._path, detail=True))
        entries = []
        for path, details in found.items():
            if details["type"] == "other":
                continue
            name = path.removeprefix(base).lstrip("/")
            self._names[name] = path
            entries.append(Entry(name, int(details.get("size") or 0)))
        return entries

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        with _mapped_errors(self._uri), self._fs.open(self._names[entry.name], "rb") as file:
            while chunk := file.read(self._options.chunk_size):
                yield cast(bytes, chunk)


@contextmanager
def _mapped_errors(uri: NasUri | OtherUri) -> Iterator[None]:
    """Other file systems raise what they like."""
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError as error:
        raise StorageNotFound(f"{uri} does not exist.") from error
    except PermissionError as error:
        raise StorageDenied(f"{uri} may not be accessed.") from error
    except Exception as error:
        raise StorageUnavailable(f"{uri} cannot be read or written ({type(error).__name__}).") from error


def _parse_allowed(uri: str, options: StorageOptions) -> ObsUri | NasUri | OtherUri:
    parsed = parse(uri)
    scheme = parsed.scheme if isinstance(parsed, OtherUri) else "obs" if isinstance(parsed, ObsUri) else "nas"
    if scheme not in options.allowed_schemes:
        allowed = ", ".join(f"{each}://" for each in options.allowed_schemes)
        raise InvalidStorageUri(f"{parsed} cannot be used here; these can: {allowed} (EASYMAKER_STORAGE_SCHEMES).")
    return parsed


def _source(uri: str, options: StorageOptions) -> _ObsSource | _OtherSource:
    parsed = _parse_allowed(uri, options)
    return _ObsSource(parsed, options) if isinstance(parsed, ObsUri) else _OtherSource(parsed, options)


def _fetch(source: _ObsSource | _OtherSource, target: Target, root: Path) -> int:
    path = root / target.path
    path.parent.mkdir(parents=True, exist_ok=True)
    # A directory of that name may be a link that was there before.
    if not path.parent.resolve().is_relative_to(root):
        raise InvalidStorageUri(f"The object {target.entry.name!r} would be written outside of {root}.")
    if path.is_dir() and not path.is_symlink():
        raise InvalidStorageUri(f"The object {target.entry.name!r} cannot be written: {path} is a directory.")
    written = 0

    def count(size: int) -> None:
        nonlocal written
        written += size

    write_atomically(source.chunks(target.entry), path, count)
    return written


def _local_files(source: Path) -> tuple[dict[str, Path], list[str]]:
    """Object name -> file for what can be uploaded, and the names of what cannot."""
    if source.is_file():
        return {source.name: source}, []
    if not source.is_dir():
        raise StorageNotFound(f"{source} is not there to be uploaded.")
    root = source.resolve()
    files: dict[str, Path] = {}
    skipped: list[str] = []
    for directory, subdirectories, names in os.walk(root):
        subdirectories.sort()
        links = [name for name in subdirectories if Path(directory, name).is_symlink()]
        for name in sorted(names) + links:
            path = Path(directory, name)
            relative = path.relative_to(root).as_posix()
            # A link may point to another file of the tree, as in the caches of Hugging Face, but not out of it.
            usable = path.is_file() and path.resolve().is_relative_to(root) and is_safe(relative)
            if usable:
                files[relative] = path
            else:
                skipped.append(relative.encode(errors="backslashreplace").decode())
    return files, skipped


def _store_obs(uri: ObsUri, options: StorageOptions) -> Callable[[Path, str], int]:
    fs = ObsFileSystem(options)
    at = fs.locate(uri.fs_path)
    records = fs.objects.client.listing(replace(at, name=""), prefix=at.name)
    # An empty one may be the manifest of a large object, whose segments must go when it is replaced.
    empty = {str(record.get("name")) for record in records if record.get("bytes") == 0}

    def store(path: Path, name: str) -> int:
        full = f"{at.name}/{name}" if at.name else name
        if len(full.encode()) > _OBJECT_NAME_BYTES:
            raise InvalidStorageUri(f"The object name {full[:80]!r}... has more than {_OBJECT_NAME_BYTES} bytes.")
        return fs.objects.write_file(path, replace(at, name=full), is_new=full not in empty)

    return store


def _store_other(uri: NasUri | OtherUri, options: StorageOptions) -> Callable[[Path, str], int]:
    fs, base = file_system(str(uri), options)

    def store(path: Path, name: str) -> int:
        target = f"{base.rstrip('/')}/{name}"
        with _mapped_errors(uri):
            fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            fs.put_file(str(path), target)
        return path.stat().st_size

    return store
