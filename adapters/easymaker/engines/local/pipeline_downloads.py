"""Artifacts as they are handed out: a file as it is, a folder as a tar archive, both without being read whole."""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from adapters.easymaker.engines.base import Content
from adapters.easymaker.errors import NotFound

PIECE = 256 * 1024
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def content_of(path: Path, name: str) -> Content:
    """What lies at ``path``, which has been found to be no link."""
    if path.is_dir():
        return Content(f"{name}.tar", _archive(path, name), "application/x-tar")
    file = _opened(path)
    if file is None:
        raise NotFound(f"{name} is not there any more")
    return Content(name, _pieces(file))


def _opened(path: Path) -> BinaryIO | None:
    """A step may put a link or a pipe in the place of a file at any moment."""
    try:
        descriptor = os.open(path, _OPEN)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _archive(folder: Path, name: str) -> Iterator[bytes]:
    """Files and folders; no links and nothing else that a step may have left there."""
    for top, folders, files in os.walk(folder):
        folders.sort()
        inside = Path(name, Path(top).relative_to(folder))
        yield _header(str(inside), tarfile.DIRTYPE, Path(top).stat())
        for each in sorted(files):
            file = _opened(Path(top, each))
            if file is not None:
                yield from _member(file, str(inside / each))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(file: BinaryIO, name: str) -> Iterator[bytes]:
    with file:
        status = os.fstat(file.fileno())
        yield _header(name, tarfile.REGTYPE, status)
        left = status.st_size
        while left:
            # A file that has shrunk meanwhile ends in zeros: the archive stays one.
            piece = file.read(min(PIECE, left)) or bytes(min(PIECE, left))
            left -= len(piece)
            yield piece
        yield bytes(-status.st_size % tarfile.BLOCKSIZE)


def _header(name: str, kind: bytes, status: os.stat_result) -> bytes:
    header = tarfile.TarInfo(name)
    header.type, header.mtime = kind, int(status.st_mtime)
    header.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    header.size = status.st_size if kind == tarfile.REGTYPE else 0
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
