"""Copies what the job prints into its log, up to a limit.

The job writes into a pipe, not into the file, so that the limit is exact, costs the job nothing when it is reached
(further output is read and dropped) and cannot be undone by the job. The price is that the wrapper wakes up for output.
"""

from __future__ import annotations

import os

CHUNK = 65536
CHUNKS_PER_ROUND = 16


class LogPump:
    """The reading end of the job's stdout and stderr."""

    def __init__(self, path: str, limit: int) -> None:
        self._limit = limit
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._written = os.fstat(self._file).st_size
        self._full = False
        self.source, self.sink = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.source, False)
        self.open = True

    def close_sink(self) -> None:
        """Drop our own writing end, so that the end of the output can be seen."""
        os.close(self.sink)

    def pump(self) -> bool:
        """Copy what there is, a bounded amount; False when there was nothing more to read."""
        for _ in range(CHUNKS_PER_ROUND):
            try:
                data = os.read(self.source, CHUNK)
            except BlockingIOError:
                return False
            if not data:
                self.open = False
                return False
            self._keep(data)
        return True

    def _keep(self, data: bytes) -> None:
        if self._full:
            return
        room = self._limit - self._written
        kept = data[:room] if len(data) > room else data
        try:
            self._append(kept)
            if len(kept) < len(data):
                self._full = True
                self._append(
                    f"\n[the log reached its limit of {self._limit} bytes; later output is dropped]\n".encode()
                )
        except OSError:
            self._full = True  # a full disk must not end the job

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            count = os.write(self._file, view)
            self._written += count
            view = view[count:]
