"""A scheduler that is killed at any point, on a clock that is set at will: what becomes of each slot."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.schedules.cron import Cron
from adapters.easymaker.schedules.slots import COUNTED, GRACE, Decision, Schedule, decide
from adapters.easymaker.schedules.triggers import CronTrigger, Interval, Trigger

# Two days before New York's clock is set back, so that a repeated hour lies within the simulated time.
BEGIN = datetime(2026, 10, 30, 4, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
NO_CAP = 10**6


def cron(text: str, zone: ZoneInfo = NEW_YORK) -> Trigger:
    return CronTrigger(Cron.parse(text), zone)


TRIGGERS: list[Trigger] = [
    cron("@hourly"),
    cron("0 30 1 * * *"),
    cron("30 */20 0-4 * * *"),
    cron("0 0 0 * * *", ZoneInfo("Asia/Seoul")),
    cron("0 15 1-2 * * *", ZoneInfo("Australia/Lord_Howe")),
    Interval(timedelta(minutes=47), BEGIN),
    Interval(timedelta(hours=5), BEGIN),
]


@dataclass(frozen=True)
class Step:
    """``error``: how far the scheduler's clock is off when it looks; ``kill``: at which point it dies, if it does."""

    passed: timedelta
    error: timedelta
    kill: str
    ended: int


@dataclass
class Simulation:
    """``runs``: slot to whether it runs; a slot is a unique key, as in the database."""

    schedule: Schedule
    limit: int = NO_CAP
    runs: dict[datetime, bool] = field(default_factory=dict[datetime, bool])
    last_slot: datetime | None = None
    skipped: int = 0
    latest: datetime = BEGIN

    def look(self, now: datetime, kill: str = "") -> Decision:
        self.latest = max(self.latest, now)
        running = sum(self.runs.values())
        decision = decide(self.schedule, self.last_slot, now, running, self.limit)
        self.check(decision, now)
        if kill == "before anything is stored" or not decision.create:
            return decision
        for slot in decision.create:
            self.runs.setdefault(slot, True)
        assert sum(self.runs.values()) <= self.schedule.max_concurrency
        if kill != "before the last slot is stored":
            self.last_slot = decision.create[-1]
            self.skipped += decision.skipped
        return decision

    def check(self, decision: Decision, now: datetime) -> None:
        assert list(decision.create) == sorted(set(decision.create))
        for slot in decision.create:
            assert slot <= now
            assert self.last_slot is None or slot > self.last_slot
            assert self.schedule.catchup or now - slot <= GRACE
        assert decision.next_at is None or decision.next_at > now

    def end_runs(self, count: int) -> None:
        for slot in [slot for slot, runs in sorted(self.runs.items()) if runs][:count]:
            self.runs[slot] = False

    def play(self, steps: list[Step]) -> None:
        true_time = BEGIN
        for step in steps:
            true_time += step.passed
            self.end_runs(step.ended)
            self.look(true_time + step.error, step.kill)
        self.latest = max(self.latest, true_time)

    def settle(self) -> None:
        """The clock is right again and has come to where it ever was; what waits is made as runs end."""
        while self.look(self.latest).waiting or any(self.runs.values()):
            self.end_runs(len(self.runs))

    def slots_until(self, until: datetime) -> list[datetime]:
        slots: list[datetime] = []
        slot = self.schedule.trigger.slot_after(BEGIN)
        while slot is not None and slot <= until:
            slots.append(slot)
            slot = self.schedule.trigger.slot_after(slot)
        return slots


SECONDS = st.integers(0, 10) | st.integers(0, 36 * 3600)
ERRORS = st.just(0) | st.integers(-2, 2) | st.integers(-90_000, 90_000)
AT_ONCE = ["", "", "before anything is stored"]


def steps(kills: list[str]) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        SECONDS.map(lambda seconds: timedelta(seconds=seconds)),
        ERRORS.map(lambda seconds: timedelta(seconds=seconds)),
        st.sampled_from(kills),
        st.integers(0, 3),
    )
    return st.lists(step, max_size=12)


def schedules(catchup: bool) -> st.SearchStrategy[Schedule]:
    return st.builds(
        Schedule,
        st.sampled_from(TRIGGERS),
        created=st.just(BEGIN),
        max_concurrency=st.integers(1, 4),
        catchup=st.just(catchup),
    )


@given(schedules(catchup=True), steps([*AT_ONCE, "before the last slot is stored"]))
def test_with_catch_up_every_slot_gets_one_run_whatever_happens(schedule: Schedule, played: list[Step]) -> None:
    simulation = Simulation(schedule)
    simulation.play(played)
    simulation.settle()
    assert sorted(simulation.runs) == simulation.slots_until(simulation.latest)
    assert simulation.skipped == 0


@given(schedules(catchup=False), steps([*AT_ONCE, "before the last slot is stored"]))
def test_without_catch_up_no_run_is_late_and_none_is_off_the_grid(schedule: Schedule, played: list[Step]) -> None:
    """Lateness is checked at every look, by the clock that the scheduler then had."""
    simulation = Simulation(schedule)
    simulation.play(played)
    assert set(simulation.runs) <= set(simulation.slots_until(simulation.latest))


@given(st.booleans().flatmap(schedules), steps(AT_ONCE), st.integers(1, 5))
def test_every_slot_up_to_the_last_run_ran_or_is_told_as_skipped(
    schedule: Schedule, played: list[Step], limit: int
) -> None:
    simulation = Simulation(schedule, limit)
    simulation.play(played)
    simulation.settle()
    settled = simulation.slots_until(simulation.last_slot) if simulation.last_slot else []
    assert len(simulation.runs) + simulation.skipped == len(settled)


@given(
    st.booleans().flatmap(schedules),
    st.lists(st.tuples(st.integers(0, 20), st.integers(-5, 5), st.sampled_from(AT_ONCE)), max_size=60),
)
def test_a_scheduler_that_looks_when_told_to_runs_every_slot(
    schedule: Schedule, looks: list[tuple[int, int, str]]
) -> None:
    """Looks come some seconds late, time servers move the clock by some, it dies and looks again: none is skipped."""
    simulation = Simulation(replace(schedule, max_concurrency=10**6))
    true_time = BEGIN
    for late, error, kill in looks:
        decision = simulation.look(true_time + timedelta(seconds=error), kill)
        if kill:
            decision = simulation.look(true_time + timedelta(seconds=error + 10))
        assert decision.next_at is not None
        true_time = max(true_time, decision.next_at + timedelta(seconds=late))
    simulation.look(true_time)
    assert sorted(simulation.runs) == simulation.slots_until(simulation.latest)
    assert simulation.skipped == 0


@given(schedules(catchup=True), st.integers(1, 6), st.integers(0, 20 * 24 * 3600))
def test_the_cap_keeps_the_newest_slots(schedule: Schedule, limit: int, seconds: int) -> None:
    now = BEGIN + timedelta(seconds=seconds)
    wide = replace(schedule, max_concurrency=limit + 1)
    slots = Simulation(wide).slots_until(now)
    decision = decide(wide, None, now, 0, limit)
    assert list(decision.create) == slots[-limit:]
    assert decision.skipped == max(0, len(slots) - limit)


@given(st.integers(1, 40), st.integers(41, 10**7), st.floats(0, 0.999))
def test_the_cap_is_exact_for_slots_a_second_apart(limit: int, seconds: int, part: float) -> None:
    schedule = Schedule(cron("* * * * * *"), created=BEGIN, max_concurrency=limit + 1)
    newest = BEGIN + timedelta(seconds=seconds)
    decision = decide(schedule, None, newest + timedelta(seconds=part), 0, limit)
    assert list(decision.create) == [newest - timedelta(seconds=at) for at in range(limit - 1, -1, -1)]
    assert decision.skipped == min(seconds - limit, COUNTED)
