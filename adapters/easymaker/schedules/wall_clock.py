"""The times that a cron expression names, on a clock that is never set: local dates and times without a zone."""

import calendar
from dataclasses import dataclass
from datetime import datetime

from adapters.easymaker.schedules.fields import Field

# Day 1 of the month is bit 1, as in the day-of-month field.
_LENGTH_MASKS = {length: (1 << (length + 1)) - 2 for length in (28, 29, 30, 31)}


@dataclass(frozen=True)
class Times:
    """The six fields; ``days_by_first`` holds the matching days of a month that begins on weekday n (Sunday is 0)."""

    second: int
    minute: int
    hour: int
    month: int
    days_by_first: tuple[int, ...]

    @classmethod
    def of(cls, fields: tuple[Field, ...]) -> "Times":
        second, minute, hour, day, month, weekday = fields
        return cls(second.mask, minute.mask, hour.mask, month.mask, _days_by_first(day, weekday))

    def next_from(self, local: datetime, last_year: int) -> datetime | None:
        """The first time at or after ``local`` (whole seconds) up to the end of ``last_year``."""
        if local.year > last_year:
            return None
        days = self._days(local.year, local.month)
        if days >> local.day & 1:
            time = self._time_from(local.hour, local.minute, local.second)
            if time is not None:
                return local.replace(hour=time[0], minute=time[1], second=time[2])
        year, month, after = local.year, local.month, local.day + 1
        while year <= last_year:
            day = _lowest_from(self._days(year, month), after)
            if day is not None:
                return datetime(year, month, day, *self._first_time())  # noqa: DTZ001 (a wall clock's)
            year, month, after = *self._next_month(year, month), 1
        return None

    def _days(self, year: int, month: int) -> int:
        if not self.month >> month & 1:
            return 0
        first, length = calendar.monthrange(year, month)
        return self.days_by_first[(first + 1) % 7] & _LENGTH_MASKS[length]

    def _next_month(self, year: int, month: int) -> tuple[int, int]:
        following = _lowest_from(self.month, month + 1)
        return (year, following) if following is not None else (year + 1, _lowest(self.month))

    def _first_time(self) -> tuple[int, int, int]:
        return _lowest(self.hour), _lowest(self.minute), _lowest(self.second)

    def _time_from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        if self.hour >> hour & 1:
            if self.minute >> minute & 1:
                at = _lowest_from(self.second, second)
                if at is not None:
                    return hour, minute, at
            at = _lowest_from(self.minute, minute + 1)
            if at is not None:
                return hour, at, _lowest(self.second)
        at = _lowest_from(self.hour, hour + 1)
        return None if at is None else (at, _lowest(self.minute), _lowest(self.second))


def _days_by_first(day: Field, weekday: Field) -> tuple[int, ...]:
    """One field left open: both must match. Both restricted: one is enough."""
    by_first: list[int] = []
    for first in range(7):
        weekdays = sum(1 << date for date in range(1, 32) if weekday.mask >> ((first + date - 1) % 7) & 1)
        by_first.append(day.mask & weekdays if day.star or weekday.star else day.mask | weekdays)
    return tuple(by_first)


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _lowest_from(mask: int, start: int) -> int | None:
    rest = mask >> start
    return start + _lowest(rest) if rest else None
