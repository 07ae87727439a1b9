"""Metrics out of what a program prints: RE2 as in Katib, in bounded time and memory whatever it prints. Pure."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import re2

# Katib's own: lines such as "accuracy=0.93 loss = 1e-3".
DEFAULT_REGEX = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"
# A line that is longer counts as several; more matches in a line, and more metrics in all, are left out.
LONGEST_LINE = 16 * 1024
MOST_MATCHES = 1000
MOST_METRICS = 200


class InvalidMetricRegex(ValueError):
    """The text says what is wrong with it."""


@dataclass
class Series:
    """What is kept of a metric's values: they may be millions."""

    last: float
    least: float
    most: float
    count: int = 1

    def add(self, value: float) -> None:
        self.last = value
        self.least = value if math.isnan(self.least) else min(self.least, value)
        self.most = value if math.isnan(self.most) else max(self.most, value)
        self.count += 1


@dataclass
class MetricLog:
    """Takes output in pieces of any size. The first group of the pattern is a metric, the second its value.

    With ``names`` only those count.
    """

    regex: str = DEFAULT_REGEX
    names: Sequence[str] = ()
    series: dict[str, Series] = field(default_factory=dict)
    _rest: bytes = b""

    def __post_init__(self) -> None:
        options = re2.Options()
        options.log_errors = False
        try:
            self._pattern = re2.compile((self.regex or DEFAULT_REGEX).encode(), options)
        except re2.error as error:
            raise InvalidMetricRegex(f"metric_regex {self.regex!r} is not RE2 syntax: {error}") from None
        if self._pattern.groups < 2:
            raise InvalidMetricRegex(f"metric_regex {self.regex!r} needs two groups: a metric's name and its value")
        self._known = {name.encode() for name in self.names}

    def feed(self, piece: bytes) -> None:
        """A progress bar's carriage return ends a line, too."""
        block = self._rest + piece
        end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        while len(block) - end >= LONGEST_LINE:
            end += LONGEST_LINE
        self._rest = block[end:]
        for line in block[:end].splitlines():
            for start in range(0, len(line), LONGEST_LINE):
                self._read(line[start : start + LONGEST_LINE])

    def close(self) -> dict[str, Series]:
        """What was found, the last line included."""
        self._read(self._rest)
        self._rest = b""
        return self.series

    def latest(self) -> dict[str, float]:
        return {name: series.last for name, series in self.series.items()}

    def _read(self, line: bytes) -> None:
        for match in itertools.islice(self._pattern.finditer(line), MOST_MATCHES):
            name, text = (group.strip() for group in match.groups(b"")[:2])
            value = _number(text)
            if value is not None and name and (not self._known or name in self._known):
                self._note(name.decode("utf-8", "replace"), value)

    def _note(self, name: str, value: float) -> None:
        if name in self.series:
            self.series[name].add(value)
        elif len(self.series) < MOST_METRICS:
            self.series[name] = Series(value, value, value)


def _number(text: bytes) -> float | None:
    if b"_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None
