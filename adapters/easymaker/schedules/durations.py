"""Durations as ``@every`` takes them (Go's notation: ``1h30m10s``, ``1.5h``), in whole seconds."""

import re
from datetime import timedelta

from adapters.easymaker.schedules.invalid import InvalidCron, shown

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
# Go counts a duration in 63 bits of nanoseconds, 292 years.
MOST_NANOSECONDS = 2**63 - 1
_PART = re.compile(r"([0-9]{0,20})(?:\.([0-9]{0,20}))?(ns|us|ms|s|m|h)", re.ASCII)
EXAMPLES = "write a number and a unit (h, m, s), as in 90m or 1h30m10s"


def whole_seconds(text: str) -> timedelta:
    """Rounded down to the second, up to one second; a duration that is not above zero is refused."""
    nanoseconds = _nanoseconds(text)
    if nanoseconds <= 0:
        raise InvalidCron(f"@every {shown(text)}: the duration must be above zero")
    if nanoseconds > MOST_NANOSECONDS:
        raise InvalidCron(f"@every {shown(text)}: the duration is over 292 years")
    return timedelta(seconds=max(1, nanoseconds // 10**9))


def _nanoseconds(text: str) -> int:
    if text.startswith("-"):
        raise InvalidCron(f"@every {shown(text)}: the duration must be above zero")
    total, at = 0, 0
    rest = text.removeprefix("+")
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None or not (part[1] or part[2]):
            raise InvalidCron(f"@every {shown(text)}: not a duration; {EXAMPLES}")
        unit = NANOSECONDS[part[3]]
        fraction = part[2] or ""
        total += int(part[1] or 0) * unit + int(fraction or 0) * unit // 10 ** len(fraction)
        at = part.end()
    if not rest:
        raise InvalidCron(f"@every {shown(text)}: the duration is missing; {EXAMPLES}")
    return total
