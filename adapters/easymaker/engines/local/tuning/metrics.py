"""Reads the metrics of one trial out of its log while that grows."""

import time
from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.engines.local.tuning.metric_lines import MetricPattern, split
from adapters.easymaker.engines.local.tuning.series import Series

CHUNK = 64 * 1024
# The processor time that looking for metrics in one trial's log may take: a pattern can be slow, though never endless.
MOST_SECONDS = 60.0


@dataclass(frozen=True)
class Found:
    """``more``: the log goes on, and may be read on at once."""

    values: list[tuple[str, str]]
    more: bool = False


class Collector:
    """The one reader of a trial's log on behalf of its series; begins where an earlier one was killed."""

    def __init__(self, log: Path, series: Series, pattern: MetricPattern) -> None:
        self.series = series
        self._log = log
        self._pattern = pattern
        self._beginning = b""
        self._spent = 0.0

    @property
    def gave_up(self) -> bool:
        return self._spent > MOST_SECONDS

    def poll(self, at: float, last: bool = False) -> Found:
        """Take in a piece of what has been added to the log. ``last``: nobody writes to it any more."""
        position = self.series.offset + len(self._beginning)
        piece = b"" if self.gave_up else self._read(position)
        if not piece and not (last and self._beginning):
            return Found([])
        began = time.thread_time()
        if piece:
            lines, rest = split(self._beginning + piece)
        else:
            lines, rest = self._beginning, b""
        values = self._pattern.find_all(lines)
        end = self.series.offset + len(lines)
        if values:
            self.series.add(at, values, end)
        else:
            self.series.skip_to(end)
        self._beginning = rest
        self._spent += time.thread_time() - began
        return Found(values, more=len(piece) == CHUNK or (last and bool(rest)))

    def _read(self, position: int) -> bytes:
        try:
            with self._log.open("rb") as file:
                file.seek(position)
                return file.read(CHUNK)
        except FileNotFoundError:
            return b""
