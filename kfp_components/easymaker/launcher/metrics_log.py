"""A second log that holds only the lines in which metrics may be: for a collector beside the training, such as Katib's.

Everything goes through a pipe then, so the output of the training passes this process, and stderr becomes stdout.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from kfp_components.easymaker.launcher.messages import say
from kfp_components.easymaker.launcher.spec import LauncherSpec

PIECE = 64 * 1024
# A line that is longer counts as several.
LONGEST_LINE = 16 * 1024
# Whoever still holds the pipe then has outlived the sweep after the entry point.
DRAIN_SECONDS = 5.0


@contextmanager
def copied_output(spec: LauncherSpec) -> Iterator[None]:
    """Have what this process and those below it print also looked through for the metrics log.

    On the first node only, and only where the log's directory is: a collector brings it along.
    """
    path = spec.metrics_log
    if path is None or spec.node_rank != 0:
        yield
        return
    if not path.parent.is_dir():
        say(f"warning: there is no directory {path.parent}: nobody collects this training's metrics")
        yield
        return
    reading, writing = os.pipe()
    stdout, stderr = os.dup(1), os.dup(2)
    pump = _Pump(reading, stdout, MetricsLog(path, spec.metrics_log_names, spec.metrics_log_times))
    pump.start()
    for stream in (1, 2):
        os.dup2(writing, stream)
    os.close(writing)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        pump.join(DRAIN_SECONDS)


class MetricsLog:
    """Takes output in pieces of any size and keeps the lines that hold one of the names; all lines without names."""

    def __init__(self, path: Path, names: Sequence[str], times: bool) -> None:
        self._names = [name.encode() for name in names]
        self._times = times
        self._rest = b""
        # There from the beginning on: a collector that finds no file fails.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)

    def feed(self, piece: bytes, last: bool = False) -> None:
        """A progress bar's carriage return ends a line, too. Raises OSError when it cannot be written."""
        block = self._rest + piece
        end = len(block) if last else max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        while len(block) - end >= LONGEST_LINE:
            end += LONGEST_LINE
        self._rest = block[end:]
        kept = [line for line in block[:end].splitlines() if self._wanted(line)] if self._mentions(block[:end]) else []
        if kept:
            self._write(kept)

    def _wanted(self, line: bytes) -> bool:
        return bool(line) and self._mentions(line)

    def _mentions(self, text: bytes) -> bool:
        return not self._names or any(name in text for name in self._names)

    def _write(self, lines: Sequence[bytes]) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z ")
        before = now.encode() if self._times else b""
        _write_all(self._file, b"".join(before + line + b"\n" for line in lines))


class _Pump(threading.Thread):
    def __init__(self, reading: int, stdout: int, log: MetricsLog) -> None:
        super().__init__(name="metrics log", daemon=True)
        self._reading = reading
        self._stdout = stdout
        self._log: MetricsLog | None = log

    def run(self) -> None:
        while piece := os.read(self._reading, PIECE):
            self._pass_on(piece)
            self._note(piece)
        self._note(b"", last=True)

    def _pass_on(self, piece: bytes) -> None:
        """Whoever reads the log may be gone; the training and its metrics go on without it."""
        with suppress(OSError):
            _write_all(self._stdout, piece)

    def _note(self, piece: bytes, last: bool = False) -> None:
        if self._log is None:
            return
        try:
            self._log.feed(piece, last)
        except OSError as error:
            self._log = None
            # Not by say(), which writes into the pipe that only this thread empties.
            self._pass_on(f"[launcher] warning: metrics are no longer noted: {error.strerror}\n".encode())


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
