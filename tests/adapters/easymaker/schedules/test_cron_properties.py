"""Random expressions against croniter, and against a walk over every minute around each setting of a zone's clock."""

import functools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import CroniterBadDateError, croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.easymaker.schedules.cron import Cron
from adapters.easymaker.schedules.fields import KINDS, read
from tests.adapters.easymaker.schedules.cron_expressions import expressions, fields

ZONE_UTC = ZoneInfo("UTC")
MOMENTS = st.datetimes(datetime(1999, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
# A day that holds the change, by zone: forward, then back.
CHANGES = [
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Atlantic/Azores", "2026-03-29"),
    ("Atlantic/Azores", "2026-10-25"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("Asia/Beirut", "2026-03-29"),
    ("Asia/Beirut", "2026-10-25"),
    ("America/St_Johns", "2011-11-06"),
    ("Antarctica/Troll", "2026-03-29"),
    ("Antarctica/Troll", "2026-10-25"),
    ("Pacific/Apia", "2011-12-30"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Asia/Seoul", "2026-03-29"),
]


def by_croniter(expression: str, moment: datetime) -> datetime | None:
    """As far as ours looks: to the end of the fifth year."""
    try:
        found = croniter(expression, moment, second_at_beginning=True, max_years_between_matches=12).get_next(datetime)
    except CroniterBadDateError:
        return None
    return found if found.year <= (moment + timedelta(seconds=1)).year + 5 else None


@given(expressions(), MOMENTS)
def test_ticks_are_croniters(expression: str, moment: datetime) -> None:
    cron = Cron.parse(expression)
    for _ in range(3):
        found = cron.next_after(moment, ZONE_UTC)
        assert found == by_croniter(expression, moment.replace(microsecond=0))
        if found is None:
            return
        moment = found


@functools.cache
def shown_times(zone: ZoneInfo, day: str) -> list[tuple[datetime, tuple[int, ...]]]:
    """Each minute of three days around ``day``: minute, hour, day and weekday that the zone's clock shows then."""
    first = datetime.fromisoformat(day + "T00:00+00:00") - timedelta(days=1)
    instants = [first + timedelta(minutes=at) for at in range(3 * 24 * 60)]
    shown = [instant.astimezone(zone) for instant in instants]
    return [
        (instant, (at.minute, at.hour, at.day, at.isoweekday() % 7))
        for instant, at in zip(instants, shown, strict=True)
    ]


def matching(expression: str, times: list[tuple[datetime, tuple[int, ...]]]) -> list[datetime]:
    _, minutes, hours, days, _, weekdays = (read(*pair) for pair in zip(KINDS, expression.split(), strict=True))
    both = days.star or weekdays.star

    def a_day(day: int, weekday: int) -> bool:
        matched = (days.mask >> day & 1, weekdays.mask >> weekday & 1)
        return all(matched) if both else any(matched)

    return [
        instant
        for instant, (minute, hour, day, weekday) in times
        if minutes.mask >> minute & 1 and hours.mask >> hour & 1 and a_day(day, weekday)
    ]


# Months and days are mostly open, so that the days looked at have ticks at all.
NEAR_EXPRESSIONS = st.tuples(
    fields(KINDS[1]),
    fields(KINDS[2]),
    st.one_of(st.just("*"), fields(KINDS[3])),
    st.one_of(st.just("*"), fields(KINDS[5])),
).map(lambda given: f"0 {given[0]} {given[1]} {given[2]} * {given[3]}")


@pytest.mark.parametrize(("name", "day"), CHANGES)
@given(expression=NEAR_EXPRESSIONS)
@settings(max_examples=30)
def test_ticks_are_the_instants_at_which_the_clock_shows_a_matching_time(name: str, day: str, expression: str) -> None:
    """Around a change, walking every minute: none lost, none added, twice where the clock shows it twice."""
    zone = ZoneInfo(name)
    times = shown_times(zone, day)
    first, last = times[0][0], times[-1][0]
    cron, ticks = Cron.parse(expression), list[datetime]()
    tick = cron.next_after(first - timedelta(seconds=1), zone)
    while tick is not None and tick <= last:
        ticks.append(tick)
        tick = cron.next_after(tick, zone)
    assert ticks == matching(expression, times)


@given(expressions(), MOMENTS, st.integers(0, 10**7), st.sampled_from([name for name, _ in CHANGES]))
def test_asking_later_before_the_tick_gives_the_same_tick(
    expression: str, moment: datetime, later: int, name: str
) -> None:
    """The ticks are a set of instants: they do not depend on where the search begins."""
    cron, zone = Cron.parse(expression), ZoneInfo(name)
    found = cron.next_after(moment, zone)
    if found is None:
        return
    assert found > moment
    assert found.microsecond == 0
    between = min(moment + timedelta(seconds=later), found - timedelta(microseconds=1))
    assert cron.next_after(between, zone) == found


@given(st.text(max_size=60) | st.text("0123456789*/,-?@ abeilMNORS", max_size=40))
def test_any_text_is_read_or_refused_with_a_message(text: str) -> None:
    try:
        cron = Cron.parse(text)
    except ValueError as error:
        assert str(error).isprintable()
    else:
        cron.next_after(datetime(2026, 1, 1, tzinfo=UTC), ZONE_UTC)
