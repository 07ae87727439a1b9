"""The values of one trial's metrics on the disk, and how far its log has been read for them.

One JSON line for each piece of the log: where in the log it ended, and the values in it as [time, metric, text]. A line
is there whole or not at all, so after a kill the log is read on from where the last line says.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.tuning import journal
from adapters.easymaker.engines.local.tuning.ledger import Reduced

# Further values are only counted and reduced; so many fit into an answer.
MOST_KEPT = 100_000

Value = tuple[float, str, str]
"""Time, metric, and the number as it was printed."""


class Series:
    """The one writer of a trial's series. ``offset`` is the place in the log up to which all values are in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.offset = 0
        self.kept = 0
        self.reduced: dict[str, Reduced] = {}
        self._cut()
        for line in _lines(path):
            self._take_in(line)

    def add(self, at: float, values: Sequence[tuple[str, str]], offset: int) -> None:
        """Keep the values and the place in the log after them. Raises OSError; nothing is kept then."""
        kept = [(round(at, 3), *value) for value in values[: max(0, MOST_KEPT - self.kept)]]
        line: dict[str, Any] = {"offset": offset, "values": kept}
        if len(kept) < len(values):
            reduced = dict(self.reduced)
            _reduce(reduced, values)
            line["reduced"] = {name: [m.min, m.max, m.latest, m.count] for name, m in reduced.items()}
        self._append(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        self._take_in(line)

    def skip_to(self, offset: int) -> None:
        """Nothing is in the log up to there. Not noted: after a kill that piece is looked through once more."""
        self.offset = offset

    def sync(self) -> None:
        """Have all of it on the disk."""
        if self._path.exists():
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def values(self) -> Iterator[Value]:
        return read(self._path)

    def _take_in(self, line: Mapping[str, Any]) -> None:
        self.offset = line["offset"]
        self.kept += len(line["values"])
        if "reduced" in line:
            self.reduced = {name: Reduced(*values) for name, values in line["reduced"].items()}
        else:
            _reduce(self.reduced, [(name, text) for _, name, text in line["values"]])

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            end = os.fstat(descriptor).st_size
            try:
                while line:
                    line = line[os.write(descriptor, line) :]
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)

    def _cut(self) -> None:
        """Remove what a crash has left of a line that was being written."""
        if self._path.exists():
            os.truncate(self._path, journal.whole(self._path.read_bytes()))


def read(path: Path) -> Iterator[Value]:
    """All values, also while they are being collected; none where there is no file."""
    for line in _lines(path):
        yield from map(tuple, line["values"])


def reduced(path: Path) -> dict[str, Reduced]:
    """What the values come to so far."""
    result: dict[str, Reduced] = {}
    for line in _lines(path):
        if "reduced" in line:
            result = {name: Reduced(*values) for name, values in line["reduced"].items()}
        else:
            _reduce(result, [(name, text) for _, name, text in line["values"]])
    return result


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield json.loads(line)
    except FileNotFoundError:
        return


def _reduce(reduced: dict[str, Reduced], values: Sequence[tuple[str, str]]) -> None:
    for name, text in values:
        known = reduced.get(name)
        reduced[name] = Reduced(text, text, text) if known is None else _with(known, text)


def _with(known: Reduced, text: str) -> Reduced:
    """NaN is neither the least nor the greatest, unless there is nothing else."""
    number, least, most = float(text), float(known.min), float(known.max)
    return Reduced(
        min=text if number < least or math.isnan(least) else known.min,
        max=text if number > most or math.isnan(most) else known.max,
        latest=text,
        count=known.count + 1,
    )
