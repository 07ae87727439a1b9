"""Objects of a Swift container, large ones (a manifest and its segments) included.

Ours keep their segments in the container ``{container}_segments``, as OpenStack's own tools do. The official SDK keeps
them below the object's own path and points the manifest at that path without a slash, so that for Swift any neighbour
whose name begins alike (``model.bin.index.json``) is a part of the object too; here it is not.
"""

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from .errors import StorageError, StorageNotFound, StorageUnavailable
from .swift import Location, SwiftClient

SEGMENTS_SUFFIX = "_segments"
DIRECTORY_TYPES = ("application/directory", "application/x-directory")
_SDK_SEGMENT = re.compile(r"[0-9]{3,}")
_PARALLEL_SEGMENTS = 2


@dataclass(frozen=True)
class Segment:
    at: Location
    size: int
    etag: str


@dataclass(frozen=True)
class ObjectInfo:
    at: Location
    size: int
    etag: str
    content_type: str
    modified: str
    """ISO 8601, UTC."""
    segments: tuple[Segment, ...] | None = None
    owns_children: bool = False
    """The SDK's layout: what lies below the object's path are its segments."""

    @property
    def is_marker(self) -> bool:
        """An empty object that only says that a directory is there."""
        by_name = self.at.name.endswith("/") or self.content_type.split(";")[0] in DIRECTORY_TYPES
        return self.size == 0 and self.segments is None and by_name


def ranges(segments: tuple[Segment, ...], start: int, end: int) -> Iterator[tuple[Segment, int, int]]:
    """Which part of which segment makes up the bytes from ``start`` to ``end``."""
    offset = 0
    for segment in segments:
        first, last = max(start - offset, 0), min(end - offset, segment.size)
        if first < last:
            yield segment, first, last
        offset += segment.size


class Objects:
    def __init__(self, client: SwiftClient) -> None:
        self.client = client
        self.options = client.options

    def info(self, at: Location) -> ObjectInfo:
        """Raises StorageNotFound when there is no such object."""
        headers = self.client.call("HEAD", at).headers
        info = ObjectInfo(
            at=at,
            size=int(headers.get("content-length", 0)),
            etag=headers.get("etag", "").strip('"'),
            content_type=headers.get("content-type", ""),
            modified=_iso(headers.get("last-modified", "")),
        )
        manifest = headers.get("x-object-manifest")
        return self._with_segments(info, unquote(manifest)) if manifest else info

    def read(self, info: ObjectInfo, start: int, end: int) -> Iterator[bytes]:
        if info.segments is None:
            return self.client.get(info.at, start, end, info.etag)
        return self._read_segments(info.segments, start, end)

    def read_verified(self, info: ObjectInfo) -> Iterator[bytes]:
        """The whole content; raises StorageUnavailable at the end when it is not what was stored."""
        if info.segments is not None:
            for segment in info.segments:
                yield from self._verified(segment.at, segment.size, segment.etag)
        elif re.fullmatch("[0-9a-f]{32}", info.etag):
            yield from self._verified(info.at, info.size, info.etag)
        else:
            yield from self.client.get(info.at, 0, info.size, info.etag)

    def write_file(self, path: Path, at: Location, is_new: bool = False) -> int:
        """Upload a file, in segments if it is large; returns its size."""
        with path.open("rb") as file:
            return self.write(file, at, is_new=is_new)

    def write(self, file: BinaryIO, at: Location, headers: dict[str, str] | None = None, is_new: bool = False) -> int:
        """Upload what a file on disk holds, and remove the segments of what was there before.

        ``is_new``: the caller knows that no large object is replaced, which saves a request.
        """
        size = file.seek(0, 2)
        before = None if is_new else self.existing(at)
        if size >= self.options.large_object_size:
            self._write_large(file, at, size, headers or {})
        else:
            self.client.put(at, lambda: _part(file, 0, size, self.options.chunk_size), size, headers)
        self.forget_segments(before)
        return size

    def write_bytes(self, data: bytes, at: Location, headers: dict[str, str] | None = None) -> None:
        before = self.existing(at)
        self.client.put(at, lambda: iter([data]), len(data), headers)
        self.forget_segments(before)

    def copy(self, source: ObjectInfo, target: Location) -> bool:
        """Let the storage copy a plain object; False when it cannot or will not."""
        if source.segments is not None or source.at.authority != target.authority or source.at.tenant != target.tenant:
            return False
        before = self.existing(target)
        copy_from = f"/{quote(source.at.container, safe='')}/{quote(source.at.name)}"
        response = self.client.call("PUT", target, headers={"X-Copy-From": copy_from, "Content-Length": "0"})
        self.forget_segments(before)
        # A storage without that feature stores an empty object and says so only by its checksum.
        return response.headers.get("etag", "").strip('"') == source.etag

    def delete(self, info: ObjectInfo) -> None:
        with contextlib.suppress(StorageNotFound):
            self.client.call("DELETE", info.at)
        self.forget_segments(info)

    def existing(self, at: Location) -> ObjectInfo | None:
        try:
            return self.info(at)
        except StorageNotFound:
            return None

    def forget_segments(self, info: ObjectInfo | None) -> None:
        """Remove the segments of an object that is gone or replaced, where they belong to it alone."""
        for segment in (info.segments or ()) if info is not None else ():
            assert info is not None
            if info.owns_children or segment.at.name.startswith(info.at.name + "/"):
                with contextlib.suppress(StorageNotFound):
                    self.client.call("DELETE", segment.at)

    def _with_segments(self, info: ObjectInfo, manifest: str) -> ObjectInfo:
        container, _, prefix = manifest.lstrip("/").partition("/")
        owns = container == info.at.container and prefix.rstrip("/") == info.at.name
        prefix = info.at.name + "/" if owns else prefix
        segments = []
        for record in self.client.listing(replace(info.at, container=container, name=""), prefix=prefix):
            name = str(record.get("name", ""))
            if owns and not _SDK_SEGMENT.fullmatch(name.removeprefix(info.at.name + "/")):
                continue
            at = replace(info.at, container=container, name=name)
            segments.append(Segment(at, int(record.get("bytes", 0)), str(record.get("hash", ""))))
        size = sum(segment.size for segment in segments)
        return replace(info, size=size, segments=tuple(segments), owns_children=owns)

    def _verified(self, at: Location, size: int, etag: str) -> Iterator[bytes]:
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in self.client.get(at, 0, size, etag):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != etag:
            raise StorageUnavailable(f"{at} arrived damaged: its checksum is not the stored one.")

    def _read_segments(self, segments: tuple[Segment, ...], start: int, end: int) -> Iterator[bytes]:
        for segment, first, last in ranges(segments, start, end):
            yield from self.client.get(segment.at, first, last, segment.etag)

    def _write_large(self, file: BinaryIO, at: Location, size: int, headers: dict[str, str]) -> None:
        container = replace(at, container=at.container + SEGMENTS_SUFFIX, name="")
        self.client.call("HEAD", replace(at, name=""))
        self.client.call("PUT", container, headers={"Content-Length": "0"})
        prefix = f"{at.name}/{time.time_ns()}/"
        parts = [
            (replace(container, name=f"{prefix}{number:08d}"), start, min(start + self.options.segment_size, size))
            for number, start in enumerate(range(0, size, self.options.segment_size))
        ]
        try:
            with ThreadPoolExecutor(_PARALLEL_SEGMENTS) as pool:
                list(pool.map(lambda part: self._write_segment(file, *part), parts))
            manifest = {**headers, "X-Object-Manifest": quote(f"{container.container}/{prefix}")}
            self.client.put(at, lambda: iter([b""]), 0, manifest)
        except StorageError:
            for part, _, _ in parts:
                with contextlib.suppress(StorageError):
                    self.client.call("DELETE", part)
            raise

    def _write_segment(self, file: BinaryIO, at: Location, start: int, end: int) -> None:
        self.client.put(at, lambda: _part(file, start, end, self.options.chunk_size), end - start)


def _part(file: BinaryIO, start: int, end: int, chunk_size: int) -> Iterator[bytes]:
    """Reads by position, so that several threads can share the file."""

    while start < end:
        chunk = os.pread(file.fileno(), min(chunk_size, end - start), start)
        if not chunk:
            raise StorageError(f"The file {getattr(file, 'name', '')} became shorter while it was uploaded.")
        start += len(chunk)
        yield chunk


def _iso(http_date: str) -> str:
    try:
        return parsedate_to_datetime(http_date).isoformat()
    except ValueError:
        return ""
