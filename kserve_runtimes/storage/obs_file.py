"""Open objects, as ``ObsFileSystem.open`` hands them out, and files that are written whole or not at all."""

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fsspec.spec import AbstractBufferedFile

from .objects import ObjectInfo, Objects
from .swift import Location

if TYPE_CHECKING:
    from .obs import ObsFileSystem

_IN_MEMORY = 8 * 1024 * 1024


class ReadFile(AbstractBufferedFile):
    """Random access by ranges; blocks are cached by fsspec."""

    def __init__(
        self, fs: "ObsFileSystem", path: str, info: ObjectInfo, details: dict[str, Any], **kwargs: Any
    ) -> None:
        self._objects = fs.objects
        self._info = info
        super().__init__(fs, path, "rb", size=info.size, **kwargs)
        self.details = details

    def _fetch_range(self, start: int, end: int) -> bytes:
        return b"".join(self._objects.read(self._info, start, min(end, self._info.size)))


class WriteFile(io.BufferedIOBase):
    """Collects what is written, on disk when it gets long, and uploads it when it is closed without an error."""

    def __init__(self, objects: Objects, at: Location, headers: dict[str, str], autocommit: bool) -> None:
        self._objects = objects
        self._at = at
        self._headers = headers
        self._autocommit = autocommit
        self._buffer = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (closed by commit and discard)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._buffer.write(data)

    def tell(self) -> int:
        return self._buffer.tell()

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        if self._autocommit:
            self.commit()

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        if exc_type is not None and self._autocommit:
            super().close()
            self.discard()
        else:
            self.close()

    def __del__(self) -> None:
        # Forgotten rather than closed: half a file must not become an object.
        if not self.closed:
            super().close()
            self._buffer.close()

    def commit(self) -> None:
        with self._buffer as buffer:
            if buffer.tell() <= _IN_MEMORY:
                buffer.seek(0)
                self._objects.write_bytes(buffer.read(), self._at, self._headers)
            else:
                buffer.flush()
                self._objects.write(cast(Any, buffer), self._at, self._headers)

    def discard(self) -> None:
        self._buffer.close()


def write_atomically(chunks: Iterator[bytes], target: Path, on_bytes: Any = lambda count: None) -> None:
    """The whole content or none of it is in ``target``; a link of that name is replaced and not followed."""
    descriptor, partial = tempfile.mkstemp(prefix=".partial-", dir=target.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor)
            for chunk in chunks:
                on_bytes(file.write(chunk))
            os.fchmod(descriptor, 0o666 & ~_umask())
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Read without changing it, which would race with other threads."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o077
