"""Time zones by name, and at which instant a zone's clock is next set forward or back."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.easymaker.schedules.invalid import InvalidCron, shown

# Checked before the name becomes a path; the data base itself has no longer names.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,29}(/[A-Za-z0-9_+-]{1,30}){0,2}", re.ASCII)
SECOND = timedelta(seconds=1)


def zone_named(name: str) -> ZoneInfo:
    if _NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass  # a folder of the data base and a file that is none raise other errors than an unknown name
    raise InvalidCron(f"time zone {shown(name)}: unknown; write a name such as Asia/Seoul or UTC")


def offset_at(instant: datetime, zone: ZoneInfo) -> timedelta:
    """``instant``: in UTC, without tzinfo."""
    offset = zone.fromutc(instant.replace(tzinfo=zone)).utcoffset()
    assert offset is not None
    return offset


def next_shift(start: datetime, end: datetime, before: timedelta, zone: ZoneInfo) -> datetime | None:
    """The first second in (start, end] with another offset than ``before``, that of ``start``; both are in UTC.

    Only the ends are compared first, so the two must be closer than any two shifts of a zone follow one another.
    """
    if offset_at(end, zone) == before:
        return None
    same, other = start, end
    while other - same > SECOND:
        middle = same + timedelta(seconds=(other - same) // SECOND // 2)
        if offset_at(middle, zone) == before:
            same = middle
        else:
            other = middle
    return other
