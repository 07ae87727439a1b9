"""Triggers are fixed grids of slots: late or repeated questions move no slot."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.schedules.cron import Cron
from adapters.easymaker.schedules.triggers import CronTrigger, Interval, cron_trigger

SEOUL = ZoneInfo("Asia/Seoul")
ANCHOR = datetime(2026, 3, 1, 12, 0, 30, 250_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_the_first_slot_is_one_period_after_the_anchor() -> None:
    interval = Interval(30 * MINUTE, ANCHOR)
    first = datetime(2026, 3, 1, 12, 30, 30, tzinfo=UTC)
    assert interval.slot_after(ANCHOR - timedelta(days=9)) == first
    assert interval.slot_after(ANCHOR) == first
    assert interval.slot_after(first) == first + 30 * MINUTE


@given(
    st.integers(1, 10**6),
    st.datetimes(datetime(2026, 3, 1, 13), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_an_intervals_slots_lie_on_its_grid(seconds: int, moment: datetime) -> None:
    interval = Interval(timedelta(seconds=seconds), ANCHOR)
    slot = interval.slot_after(moment)
    assert slot is not None
    assert (slot - ANCHOR.replace(microsecond=0)) % interval.period == timedelta(0)
    assert slot > moment
    assert slot - interval.period <= moment or slot == ANCHOR.replace(microsecond=0) + interval.period


@pytest.mark.parametrize("period", [timedelta(0), -MINUTE, timedelta(milliseconds=1), timedelta(seconds=1.5)])
def test_an_interval_is_whole_seconds_from_one_on(period: timedelta) -> None:
    with pytest.raises(ValueError, match="whole seconds"):
        Interval(period, ANCHOR)


def test_an_interval_is_not_moved_by_a_clock_that_is_set() -> None:
    """In New York the day of the change has 23 hours: an interval of a day is 24 hours, a daily cron is not."""
    new_york = ZoneInfo("America/New_York")
    noon = datetime(2026, 3, 7, 12, tzinfo=new_york)
    day = Interval(timedelta(days=1), noon).slot_after(noon)
    daily = CronTrigger(Cron.parse("0 0 12 * * *"), new_york).slot_after(noon)
    assert (day, daily) == (datetime(2026, 3, 8, 17, tzinfo=UTC), datetime(2026, 3, 8, 16, tzinfo=UTC))


def test_an_interval_ends_with_the_calendar() -> None:
    assert Interval(timedelta(days=400), ANCHOR).slot_after(datetime(9999, 12, 1, tzinfo=UTC)) is None
    assert Interval(timedelta(days=10**8), ANCHOR).slot_after(ANCHOR) is None


def test_every_is_a_grid_from_the_anchor_on() -> None:
    """robfig/cron counts it from the moment asked about; a late look would move all later slots."""
    trigger = cron_trigger(Cron.parse("@every 1h30m"), SEOUL, ANCHOR)
    second = datetime(2026, 3, 1, 15, 0, 30, tzinfo=UTC)
    assert trigger.slot_after(second - timedelta(minutes=7)) == second
    assert trigger.slot_after(second) == second + timedelta(minutes=90)


def test_an_expression_with_fields_has_the_schedules_zone_unless_it_names_one() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    assert cron_trigger(Cron.parse("@daily"), SEOUL, ANCHOR).slot_after(moment) == moment + timedelta(hours=15)
    assert cron_trigger(Cron.parse("TZ=UTC @daily"), SEOUL, ANCHOR).slot_after(moment) == moment + timedelta(days=1)
