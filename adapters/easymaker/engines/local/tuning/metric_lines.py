"""From what a trial prints to values of metrics, with bounded time and memory whatever it prints. Pure.

Katib's collector: a line counts if it holds the name of a wanted metric; every match of the pattern in it is one value,
the first group being the metric and the second its value. What is no number is left out here, where Katib keeps the
text: the usual pattern also matches "loss=" and "loss=n/a", with nothing as the value.
"""

import itertools
from collections.abc import Sequence

import re2

# A line that is longer counts as several; more values than this in one of them are left out.
LONGEST_LINE = 16 * 1024
MOST_MATCHES = 1000


class MetricPattern:
    """A pattern in RE2's syntax, as Katib's are: matching takes time linear in the line's length."""

    def __init__(self, regex: str, names: Sequence[str]) -> None:
        options = re2.Options()
        options.log_errors = False
        self._pattern = re2.compile(regex.encode(), options)
        self._names = {name.encode(): name for name in names}

    def find(self, line: bytes) -> list[tuple[str, str]]:
        """Names and values, in order."""
        if not self._mentions(line):
            return []
        found: list[tuple[str, str]] = []
        for match in itertools.islice(self._pattern.finditer(line), MOST_MATCHES):
            name, value = match.groups(b"")[:2]
            metric = self._names.get(name.strip())
            text = value.strip().decode("ascii", "replace")
            if metric is not None and is_number(text):
                found.append((metric, text))
        return found

    def find_all(self, block: bytes) -> list[tuple[str, str]]:
        """Of whole lines; a progress bar's carriage return ends a line, too."""
        if not self._mentions(block):
            return []
        return [value for line in block.splitlines() for value in self.find(line)]

    def _mentions(self, text: bytes) -> bool:
        return any(name in text for name in self._names)


def is_number(text: str) -> bool:
    """Whether Katib's controller, too, could read it; NaN and infinities are numbers."""
    if "_" in text:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def split(block: bytes) -> tuple[bytes, bytes]:
    """The whole lines of a block and the beginning of a line after them, which is shorter than LONGEST_LINE."""
    end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
    while len(block) - end >= LONGEST_LINE:
        end += LONGEST_LINE
    return block[:end], block[end:]
