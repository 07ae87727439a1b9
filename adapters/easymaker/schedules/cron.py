"""Cron expressions as robfig/cron v3 reads them with its seconds field: six fields, descriptors, time zones.

A tick is every instant at which the zone's clock shows a time that the expression names. So robfig's documentation
and tests follow: a time that the clock leaps over does not run that day, one that it shows twice runs twice.
Where robfig's search errs (a shift of 30 minutes, a missing midnight) it loses ticks that its documentation promises;
here they run.
"""

from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.easymaker.schedules.durations import whole_seconds
from adapters.easymaker.schedules.fields import KINDS, read
from adapters.easymaker.schedules.invalid import InvalidCron, shown
from adapters.easymaker.schedules.wall_clock import Times
from adapters.easymaker.schedules.zones import next_shift, offset_at, zone_named

MOST_CHARACTERS = 1000
YEARS_AHEAD = 5
# Further than any zone's clock was ever set at once, closer together than any two such shifts.
REACH = timedelta(days=2)
SECOND = timedelta(seconds=1)
DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
EVERY = "@every "


@dataclass(frozen=True)
class Cron:
    """``every`` is set for ``@every`` alone, ``times`` for all others; ``zone`` where the text itself names one."""

    text: str
    times: Times | None
    every: timedelta | None = None
    zone: ZoneInfo | None = None

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Raises InvalidCron, whose text names the field and what would be right."""
        zone, rest = _split_zone(_checked(text))
        if rest.startswith(EVERY):
            return cls(text, None, whole_seconds(rest[len(EVERY) :].strip()), zone)
        return cls(text, _read_times(rest), None, zone)

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first tick later than ``moment``, in UTC; None where none comes by the end of the fifth year from now.

        In UTC because Python compares two times of one zone by what the clock shows: it takes both passes of a
        repeated hour for the same.
        """
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone")
        start = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        try:
            if self.times is None:
                tick = start + (self.every or SECOND)
            else:
                tick = _search(self.times, start + SECOND, self.zone or zone)
        except OverflowError:
            return None  # past year 9999
        return tick.replace(tzinfo=UTC) if tick else None


def _checked(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        raise InvalidCron(f"cron expression: {len(text)} characters; the most is {MOST_CHARACTERS}")
    if not text.isascii() or not text.replace("\t", " ").isprintable():
        raise InvalidCron(f"cron expression {shown(text)}: only ASCII letters, digits and signs, on one line")
    if not text.strip():
        raise InvalidCron("cron expression: empty; write six fields, as in '0 30 4 * * *', or @daily")
    return text.strip()


def _split_zone(text: str) -> tuple[ZoneInfo | None, str]:
    prefix, equals, _ = text.partition("=")
    if not equals or prefix not in ("CRON_TZ", "TZ"):
        return None, text
    first, *rest = text.split(None, 1)
    if not rest:
        raise InvalidCron(f"cron expression {shown(text)}: the fields after the time zone are missing")
    return zone_named(first.partition("=")[2]), rest[0]


def _read_times(text: str) -> Times:
    if text.startswith("@"):
        if text not in DESCRIPTORS:
            raise InvalidCron(
                f"cron expression {shown(text)}: unknown; write {', '.join(DESCRIPTORS)} or @every and a duration"
            )
        text = DESCRIPTORS[text]
    given = text.split()
    if len(given) != len(KINDS):
        named = ", ".join(kind.name for kind in KINDS)
        # Five fields are read as minutes first by some and as seconds first by others: not guessed.
        hint = f"; for minutes first, put a 0 before it: {shown('0 ' + text)}" if len(given) == len(KINDS) - 1 else ""
        raise InvalidCron(f"cron expression {shown(text)}: {len(given)} fields; six are needed: {named}{hint}")
    return Times.of(tuple(read(kind, field) for kind, field in zip(KINDS, given, strict=True)))


def _search(times: Times, instant: datetime, zone: ZoneInfo) -> datetime | None:
    """Goes from one span of constant offset to the next: within one, the wall clock only goes forward."""
    offset = offset_at(instant, zone)
    last_year = min((instant + offset).year + YEARS_AHEAD, MAXYEAR)
    while True:
        local = times.next_from(instant + offset, last_year)
        if local is None:
            return None
        tick = local - offset
        near = min(tick, instant + REACH)
        shift = next_shift(instant, near, offset, zone)
        if shift is None and near == tick:
            return tick
        # No shift is near: one that comes later cannot turn the clock back to before the time found.
        instant = shift or max(near, tick - REACH)
        offset = offset_at(instant, zone)
