"""The driver of recurring runs under a clock of the test's: which runs it asks for, and what it remembers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.local.schedules import LONGEST_PAUSE, WAITING_PAUSE, ScheduleDriver
from adapters.easymaker.kinds.record import Family, Goal, Record

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ID = "5d0c1a52-8f0e-4a53-9d52-0c6a5e7d8f10"


class Clock:
    now = BEGAN

    def __call__(self) -> datetime:
        return self.now


class Life:
    """A recurring run as the loop would keep it: the state is stored with the runs, or neither is."""

    def __init__(self, **spec: Any) -> None:
        given = {
            "schedulePeriodicMinutes": 1,
            "scheduleTimeZone": "UTC",
            "maxConcurrencyCount": 10,
            "useCatchup": True,
        } | spec
        if "scheduleCronExpression" in given:
            del given["schedulePeriodicMinutes"]
        self.clock = Clock()
        self.driver = ScheduleDriver(self.clock)
        text = (ID, "pipeline-recurring-run", "local", "nightly", "", "ENABLED", "")
        self.record = Record(*text, Goal.PRESENT, given, {}, "user", BEGAN, BEGAN, 1)
        self.running: list[Record] = []
        self.made: dict[str, str] = {}

    def look(self, after: timedelta = timedelta(0), stored: bool = True) -> Any:
        self.clock.now += after
        seen = self.driver.observe(Family(self.record, sources={"pipeline-run": tuple(self.running)}))
        if stored:
            self.record = replace(self.record, state=self.record.state | seen.detail)
            for each in seen.offspring:
                assert each.id not in self.made, "a slot's run was asked for twice"
                self.made[each.id] = each.spec["scheduledDatetime"]
        return seen

    @property
    def slots(self) -> Sequence[str]:
        return [at[11:19] for at in self.made.values()]


def test_each_slot_is_asked_for_when_it_is_due_and_once() -> None:
    life = Life()
    first = life.look()
    assert (first.phase, first.offspring, first.recheck) == (Phase.RUNNING, (), LONGEST_PAUSE)
    assert life.look(timedelta(seconds=50)).recheck == 10.0
    life.look(timedelta(seconds=10))
    life.look()
    life.look(MINUTE)
    assert life.slots == ["00:01:00", "00:02:00"]
    assert life.record.state["lastSlot"] == "2026-03-01T00:02:00+00:00"
    assert life.record.state["nextSlot"] == "2026-03-01T00:03:00+00:00"


def test_a_look_that_was_not_stored_is_repeated_with_the_same_run() -> None:
    life = Life()
    lost = life.look(MINUTE, stored=False)
    again = life.look(timedelta(seconds=5))
    assert [each.id for each in lost.offspring] == [each.id for each in again.offspring] == list(life.made)


def test_another_schedule_has_other_runs_at_the_same_time() -> None:
    life, other = Life(), Life()
    other.record = replace(other.record, id="6d0c1a52-8f0e-4a53-9d52-0c6a5e7d8f10")
    life.look(MINUTE)
    other.look(MINUTE)
    assert set(life.made).isdisjoint(other.made)


@pytest.mark.parametrize(("status", "made"), [("RUNNING", 1), ("CREATE_REQUESTED", 1), ("COMPLETE", 2), ("STOPPED", 2)])
def test_no_more_runs_than_allowed_are_under_way(status: str, made: int) -> None:
    life = Life(maxConcurrencyCount=2)
    life.running = [replace(life.record, id="running", kind="pipeline-run", status=status)]
    seen = life.look(5 * MINUTE)
    assert len(life.made) == made
    assert seen.recheck == WAITING_PAUSE
    assert seen.reason == "a run is due, and waits for one of the 2 that are in progress"


def test_a_stop_and_a_start_make_up_for_what_was_missed_or_not() -> None:
    for catchup, wanted in ((True, ["00:01:00", "00:02:00", "00:03:00"]), (False, ["00:03:00"])):
        life = Life(useCatchup=catchup)
        life.record = replace(life.record, goal=Goal.STOPPED)
        assert life.look(3 * MINUTE).phase is Phase.STOPPED
        assert life.slots == []
        life.record = replace(life.record, goal=Goal.PRESENT)
        life.look()
        assert life.slots == wanted


def test_what_is_given_up_is_counted() -> None:
    life = Life()
    life.look(150 * MINUTE)
    assert (len(life.made), life.record.state["skippedRunCount"]) == (10, 50)
    life.look()
    assert (len(life.made), life.record.state["skippedRunCount"]) == (20, 50)


def test_after_its_end_it_is_expired_and_makes_nothing() -> None:
    life = Life(scheduleEndDatetime="2026-03-01T00:02:00+00:00")
    life.look(90 * MINUTE)
    seen = life.look(MINUTE)
    assert (seen.phase, seen.offspring) == (Phase.SUCCEEDED, ())
    assert life.slots == ["00:01:00", "00:02:00"]
    assert seen.detail["nextSlot"] is None


def test_a_cron_expression_counts_in_its_zone() -> None:
    life = Life(scheduleCronExpression="0 0 9 * * *", scheduleTimeZone="Asia/Seoul")
    life.look(timedelta(days=1, seconds=1))
    assert list(life.made.values()) == ["2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00"][1:]


def test_a_deleted_one_is_nothing_but_its_record() -> None:
    life = Life()
    life.record = replace(life.record, goal=Goal.ABSENT)
    assert life.look(MINUTE).phase is Phase.MISSING
    assert life.driver.remove(Family(life.record))
