"""Which slots get a run: the rules one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.easymaker.schedules.cron import Cron
from adapters.easymaker.schedules.slots import BACKLOG, COUNTED, GRACE, Decision, Schedule, decide
from adapters.easymaker.schedules.triggers import CronTrigger, Interval

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
HOURLY = Schedule(
    CronTrigger(Cron.parse("@hourly"), ZoneInfo("Asia/Seoul")), created=NOON - HOUR / 2, max_concurrency=10
)
PUNCTUAL = replace(HOURLY, catchup=False)
EVERY_SECOND = replace(HOURLY, trigger=CronTrigger(Cron.parse("* * * * * *"), ZoneInfo("UTC")))


def hours(first: int, last: int) -> tuple[datetime, ...]:
    return tuple(NOON + HOUR * at for at in range(first, last + 1))


@pytest.mark.parametrize("schedule", [HOURLY, PUNCTUAL])
def test_nothing_is_made_before_the_first_slot(schedule: Schedule) -> None:
    assert decide(schedule, None, NOON - SECOND, 0) == Decision(next_at=NOON)


@pytest.mark.parametrize("schedule", [HOURLY, PUNCTUAL])
def test_a_slot_is_made_when_its_moment_has_come(schedule: Schedule) -> None:
    assert decide(schedule, None, NOON, 0) == Decision(create=(NOON,), next_at=NOON + HOUR)
    assert decide(schedule, NOON, NOON, 1) == Decision(next_at=NOON + HOUR)


def test_catch_up_makes_all_that_was_missed_oldest_first() -> None:
    assert decide(HOURLY, NOON, NOON + 5.5 * HOUR, 0) == Decision(create=hours(1, 5), next_at=NOON + 6 * HOUR)


def test_without_catch_up_what_was_missed_is_given_up_and_told_with_the_next_run() -> None:
    late = decide(PUNCTUAL, NOON, NOON + 5.5 * HOUR, 0)
    assert late == Decision(next_at=NOON + 6 * HOUR)
    assert decide(PUNCTUAL, NOON, NOON + 6 * HOUR, 0) == Decision(hours(6, 6), skipped=5, next_at=NOON + 7 * HOUR)


def test_without_catch_up_a_run_comes_within_the_grace_or_not_at_all() -> None:
    assert decide(PUNCTUAL, NOON, NOON + HOUR + GRACE, 0).create == hours(1, 1)
    assert decide(PUNCTUAL, NOON, NOON + HOUR + GRACE + timedelta(microseconds=1), 0).create == ()


def test_without_catch_up_only_the_newest_of_slots_in_close_succession_is_made() -> None:
    decision = decide(replace(EVERY_SECOND, catchup=False), NOON, NOON + 5 * SECOND, 0)
    assert (decision.create, decision.skipped) == ((NOON + 5 * SECOND,), 4)


def test_the_concurrency_limit_holds_slots_back_and_catch_up_makes_them_later() -> None:
    narrow = replace(HOURLY, max_concurrency=2)
    now = NOON + 3 * HOUR
    assert decide(narrow, NOON, now, 1) == Decision(hours(1, 1), next_at=now + HOUR, waiting=True)
    assert decide(narrow, hours(1, 1)[0], now, 2) == Decision(next_at=now + HOUR, waiting=True)
    assert decide(narrow, hours(1, 1)[0], now, 0) == Decision(hours(2, 3), next_at=now + HOUR)
    assert decide(narrow, NOON, now, 7).create == ()


def test_without_catch_up_a_slot_held_back_by_the_limit_lapses_with_the_grace() -> None:
    narrow = replace(PUNCTUAL, max_concurrency=1)
    assert decide(narrow, NOON, NOON + HOUR, 1) == Decision(next_at=NOON + 2 * HOUR, waiting=True)
    assert decide(narrow, NOON, NOON + HOUR + GRACE, 0).create == hours(1, 1)
    assert decide(narrow, NOON, NOON + 1.5 * HOUR, 0) == Decision(next_at=NOON + 2 * HOUR)


def test_catch_up_is_capped_to_the_newest_and_says_so() -> None:
    now = NOON + (BACKLOG + 7) * HOUR
    decision = decide(HOURLY, NOON, now, 0)
    assert decision == Decision(hours(8, 17), skipped=7, next_at=now + HOUR, waiting=True)
    assert decide(HOURLY, hours(17, 17)[0], now, 0).skipped == 0
    assert decide(replace(HOURLY, max_concurrency=99), NOON, now, 0, limit=3).create == hours(BACKLOG + 5, BACKLOG + 7)


def test_a_backlog_of_millions_is_capped_without_being_walked() -> None:
    year = timedelta(days=365)
    asked: list[datetime] = []

    class Counted:
        def slot_after(self, moment: datetime) -> datetime | None:
            asked.append(moment)
            return EVERY_SECOND.trigger.slot_after(moment)

    decision = decide(replace(EVERY_SECOND, trigger=Counted()), NOON - year, NOON + SECOND / 3, 0)
    assert decision.create == tuple(NOON - SECOND * at for at in range(BACKLOG - 1, BACKLOG - 11, -1))
    assert decision.skipped == COUNTED
    assert len(asked) < 40 * BACKLOG + COUNTED


def test_slots_lie_after_the_start_and_up_to_the_end_that_one_included() -> None:
    bounded = replace(HOURLY, start=NOON, end=NOON + 2 * HOUR)
    assert decide(bounded, None, NOON, 0) == Decision(next_at=NOON + HOUR)
    assert decide(bounded, None, NOON + 9 * HOUR, 0) == Decision(hours(1, 2), expired=True)
    assert decide(bounded, NOON + HOUR, NOON + 2 * HOUR, 0) == Decision(hours(2, 2))


def test_a_schedule_is_expired_once_its_end_is_over_and_nothing_waits() -> None:
    bounded = replace(HOURLY, end=NOON + 2 * HOUR, max_concurrency=1)
    assert not decide(bounded, NOON + HOUR, NOON + 2 * HOUR, 0).expired
    waiting = decide(bounded, NOON, NOON + 2 * HOUR + SECOND, 0)
    assert (waiting.create, waiting.waiting, waiting.expired) == (hours(1, 1), True, False)
    assert decide(bounded, NOON + 2 * HOUR, NOON + 2 * HOUR + SECOND, 1) == Decision(expired=True)
    assert decide(replace(bounded, enabled=False), NOON, NOON + 3 * HOUR, 0) == Decision(expired=True)


def test_a_start_in_the_past_means_backfill_with_catch_up_and_nothing_without() -> None:
    created = NOON + 4.75 * HOUR
    past = replace(HOURLY, created=created, start=NOON)
    assert decide(past, None, created, 0).create == hours(1, 4)
    assert decide(replace(past, catchup=False), None, created, 0).create == ()
    just_before = replace(past, created=NOON + 5 * HOUR + SECOND, catchup=False)
    assert decide(just_before, None, NOON + 5 * HOUR + 2 * SECOND, 0).create == ()


def test_a_start_that_is_put_off_holds_back_the_slots_before_it() -> None:
    assert decide(replace(HOURLY, start=NOON + 3 * HOUR), NOON, NOON + 5 * HOUR, 0).create == hours(4, 5)


def test_a_disabled_schedule_makes_nothing_and_catches_up_once_it_is_enabled() -> None:
    assert decide(replace(HOURLY, enabled=False), NOON, NOON + 3 * HOUR, 0) == Decision()
    assert decide(HOURLY, NOON, NOON + 3 * HOUR, 0).create == hours(1, 3)


def test_a_clock_that_is_set_back_makes_no_slot_again() -> None:
    assert decide(HOURLY, NOON + 3 * HOUR, NOON, 0) == Decision(next_at=NOON + 4 * HOUR)
    assert decide(PUNCTUAL, NOON + 3 * HOUR, NOON, 0) == Decision(next_at=NOON + 4 * HOUR)


def test_without_catch_up_a_clock_that_is_wrong_for_a_while_loses_no_slot_of_the_right_time() -> None:
    """What the wrong clock found late is not settled: only a run is."""
    assert decide(PUNCTUAL, NOON, NOON + 5.5 * HOUR, 0).create == ()
    assert decide(PUNCTUAL, NOON, NOON + HOUR, 0) == Decision(hours(1, 1), next_at=NOON + 2 * HOUR)


def test_both_passes_of_a_repeated_hour_run_whatever_zone_the_moments_are_in() -> None:
    zone = ZoneInfo("America/New_York")
    trigger = CronTrigger(Cron.parse("0 30 1 * * *"), zone)
    created = datetime(2026, 11, 1, tzinfo=zone)
    schedule = Schedule(trigger, created=created, start=created, end=created + timedelta(days=1), max_concurrency=5)
    first = datetime(2026, 11, 1, 1, 30, tzinfo=zone)
    second = first.replace(fold=1)
    assert decide(schedule, None, first, 0).create == (first.astimezone(UTC),)
    assert decide(schedule, first, second, 0).create == (second.astimezone(UTC),)
    assert decide(schedule, second, second, 0).create == ()


def test_an_interval_runs_on_its_grid_after_an_outage() -> None:
    schedule = Schedule(Interval(timedelta(minutes=40), NOON), created=NOON, catchup=False)
    after = decide(schedule, None, NOON + 1.5 * HOUR, 0)
    assert after == Decision(next_at=NOON + 2 * HOUR)
    assert decide(schedule, None, NOON + 2 * HOUR, 0).skipped == 2
