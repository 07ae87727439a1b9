"""The loop itself on PostgreSQL, with drivers that the test scripts: latency, replicas, faults, an orderly end."""

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from adapters.easymaker.engines.base import Driver, Engine, Observation, Part, Phase
from adapters.easymaker.engines.local.schedules import ScheduleDriver
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds import KIND_BY_NAME, KINDS
from adapters.easymaker.kinds.kind import Change
from adapters.easymaker.kinds.record import Family, Goal, Json, NewRecord, Record
from adapters.easymaker.reconcile import loop as reconcile_loop
from adapters.easymaker.reconcile.loop import Pace, Reconciler
from adapters.easymaker.store import leases, pages, resources
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.resources import Request
from tests.conftest import PATIENCE, wait_for

# A safety-net scan that no test lives to see: whatever happens was caused by a write.
NEVER = 100 * PATIENCE


class NoPlatform:
    def start(self, on_progress: Callable[[Part], None]) -> None: ...
    def supervise(self) -> list[str]:
        return []

    def parts(self) -> list[Part]:
        return []

    def stop(self) -> None: ...


@dataclass
class Fake:
    """Everything is there as soon as it is started; jobs run until ``ended`` names them. Counts what it does."""

    there: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    starts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    trouble: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    gated: set[str] = field(default_factory=set)

    def observe(self, family: Family) -> Observation:
        name = family.record.name
        if self.trouble[name]:
            raise self.trouble[name].pop(0)
        if family.record.id not in self.there:
            return Observation(Phase.MISSING)
        if family.record.id in self.stopped:
            return Observation(Phase.STOPPED)
        return Observation(Phase.SUCCEEDED if family.record.id in self.ended else Phase.RUNNING, recheck=0.05)

    def start(self, family: Family) -> None:
        if family.record.name in self.gated:
            self.entered.set()
            assert self.gate.wait(PATIENCE)
        self.starts[family.record.id] += family.record.id not in self.there
        self.there.add(family.record.id)

    def stop(self, family: Family) -> None:
        if family.record.id in self.there:
            self.stopped.add(family.record.id)

    def remove(self, family: Family) -> bool:
        self.there.discard(family.record.id)
        return True


@dataclass
class Bench:
    database: Database
    fake: Fake
    running: list[Reconciler] = field(default_factory=list)
    numbers: int = 0
    drivers: dict[str, Driver] = field(default_factory=dict)
    """Those that are not the fake."""

    def run(self, pace: Pace | None = None) -> Reconciler:
        engine = Engine("fake", {kind.name: self.fake for kind in KINDS} | self.drivers, NoPlatform())
        loop = Reconciler(self.database, engine, pace or Pace())
        loop.start()
        self.running.append(loop)
        return loop

    def create(self, kind: str, name: str, spec: Json | None = None, **links: str) -> str:
        self.numbers += 1
        status = KIND_BY_NAME[kind].lifecycle.requested
        given = {role: (target,) for role, target in links.items()}
        resource_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}-{self.numbers}"))
        new = NewRecord(resource_id, kind, name, "", spec or {}, status, given)
        with self.database.transaction() as connection:
            return resources.create(connection, Request("local", "tester"), [new]).id

    def record(self, kind: str, resource_id: str) -> Record | None:
        with self.database.transaction() as connection:
            return resources.find(connection, "local", kind, [resource_id]).get(resource_id)

    def wait(self, kind: str, resource_id: str, status: str | None) -> None:
        """Until the resource is in this status; None: gone."""

        def arrived() -> bool:
            found = self.record(kind, resource_id)
            return (found and found.status) == status

        wait_for(arrived, PATIENCE, f"{kind} {resource_id} is {status}")

    def stop(self, resource_id: str) -> None:
        record = self.record("training", resource_id)
        assert record is not None
        with self.database.transaction() as connection:
            wanted = Change(resource_id, goal=Goal.STOPPED, status="STOP_IN_PROGRESS", reason="stop requested")
            resources.change(connection, record, wanted, "tester")

    def delete(self, kind: str, resource_id: str) -> None:
        record = self.record(kind, resource_id)
        assert record is not None
        with self.database.transaction() as connection:
            resources.request_delete(connection, record, "tester")


@pytest.fixture
def bench(database: Database) -> Iterator[Bench]:
    made = Bench(database, Fake())
    yield made
    made.fake.gate.set()
    for loop in made.running:
        loop.stop()


@pytest.fixture
def unscanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that has nothing to do is woken by writes only."""
    monkeypatch.setattr(reconcile_loop, "IDLE_SECONDS", NEVER)


def test_a_life_goes_by_without_waiting_for_a_scan(bench: Bench, unscanned: None) -> None:
    """Every write wakes the loop."""
    bench.run(Pace(resync_seconds=NEVER))
    experiment = bench.create("experiment", "e")
    bench.wait("experiment", experiment, "ACTIVE")
    training = bench.create("training", "t", experiment=experiment)
    bench.wait("training", training, "RUNNING")
    bench.stop(training)
    bench.wait("training", training, "STOPPED")
    bench.delete("training", training)
    bench.wait("training", training, None)
    assert bench.fake.there == {experiment}


def test_two_replicas_start_everything_once(bench: Bench) -> None:
    bench.run(Pace(workers=4, resync_seconds=0.1))
    bench.run(Pace(workers=4, resync_seconds=0.1))
    experiment = bench.create("experiment", "e")
    made = [bench.create("training", f"t{number}", experiment=experiment) for number in range(40)]
    for training in made:
        bench.wait("training", training, "RUNNING")
    bench.fake.ended.update(made)
    for training in made:
        bench.wait("training", training, "COMPLETE")
    assert [bench.fake.starts[training] for training in made] == [1] * 40


def test_trouble_of_one_resource_is_its_own(bench: Bench) -> None:
    """A driver's bug, a temporary trouble and a lost one among many: the others go on, and all get there."""
    bench.run()
    bench.fake.trouble["bug"] = [KeyError("a bug in the driver")]
    bench.fake.trouble["away"] = [TemporaryEngineError("away", retry_after=0.2)]
    slow = [bench.create("experiment", name) for name in ("bug", "away")]
    rest = [bench.create("experiment", f"e{number}") for number in range(20)]
    for experiment in (*rest, *slow):
        bench.wait("experiment", experiment, "ACTIVE")


def test_a_stop_during_the_start_ends_what_was_started(bench: Bench) -> None:
    bench.fake.gated.add("t")
    bench.run()
    training = bench.create("training", "t", experiment=bench.create("experiment", "e"))
    assert bench.fake.entered.wait(PATIENCE)
    bench.stop(training)
    bench.fake.gate.set()
    bench.wait("training", training, "STOPPED")
    assert bench.fake.stopped == {training}


def test_what_a_suspended_replica_starts_after_a_stop_is_stopped(bench: Bench) -> None:
    """It lost its lease in the middle of start(): another one has written STOPPED before it goes on."""
    bench.fake.gated.add("t")
    suspended = bench.run(Pace(workers=1, lease_seconds=1.0))
    training = bench.create("training", "t", experiment=bench.create("experiment", "e"))
    assert bench.fake.entered.wait(PATIENCE)
    suspended._held.clear()  # what SIGSTOP does to a process: its leases are no longer renewed
    bench.stop(training)
    bench.run(Pace(workers=2))
    bench.wait("training", training, "STOPPED")
    assert training not in bench.fake.there
    bench.fake.gate.set()
    wait_for(lambda: training in bench.fake.stopped, PATIENCE, "it does not run on although it is STOPPED")
    bench.wait("training", training, "STOPPED")


def test_what_a_suspended_replica_starts_after_a_delete_is_removed(bench: Bench) -> None:
    bench.fake.gated.add("x")
    suspended = bench.run(Pace(workers=1, lease_seconds=1.0))
    experiment = bench.create("experiment", "x")
    assert bench.fake.entered.wait(PATIENCE)
    suspended._held.clear()
    bench.delete("experiment", experiment)
    bench.run(Pace(workers=2))
    bench.wait("experiment", experiment, None)
    bench.fake.gate.set()
    wait_for(lambda: bench.fake.starts[experiment] and experiment not in bench.fake.there, PATIENCE, "it is removed")


def test_the_loop_goes_on_after_the_database_dropped_its_connections(bench: Bench, unscanned: None) -> None:
    """Also the one that listens: afterwards a write wakes the loop at once again."""
    bench.run()
    bench.wait("experiment", bench.create("experiment", "before"), "ACTIVE")
    with bench.database.transaction() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    for name in ("after", "later"):
        bench.wait("experiment", bench.create("experiment", name), "ACTIVE")


def test_an_orderly_end_leaves_no_lease_and_no_thread(bench: Bench, unscanned: None) -> None:
    """Whoever takes over, or starts again, must not wait until leases expire."""
    loop = bench.run(Pace(workers=2, resync_seconds=NEVER, lease_seconds=NEVER))
    for number in range(30):
        bench.create("training", f"t{number}", experiment=bench.create("experiment", f"e{number}"))
    loop.stop()
    bench.running.remove(loop)
    wait_for(lambda: not any(thread.is_alive() for thread in loop._threads), PATIENCE, "no thread sleeps on")
    with bench.database.transaction() as connection:
        held = connection.execute(text("SELECT count(*) FROM resources WHERE lease_token IS NOT NULL")).scalar()
    assert held == 0


class Quick(Fake):
    """Jobs that have ended as soon as they are looked at again."""

    def observe(self, family: Family) -> Observation:
        there = family.record.id in self.there and family.record.goal is Goal.PRESENT
        return Observation(Phase.SUCCEEDED) if there else super().observe(family)


@pytest.mark.parametrize("replicas", [1, 3])
def test_each_slot_of_a_schedule_gets_one_run_however_many_replicas_look(bench: Bench, replicas: int) -> None:
    """Also when the clock leaps: what was missed is made up for, the oldest first."""
    began = datetime.now(UTC)
    passed = [0.0]
    quick = Quick()
    schedules = ScheduleDriver(lambda: began + timedelta(seconds=passed[0]))
    bench.drivers = {"pipeline-recurring-run": schedules, "pipeline-run": quick}
    for _ in range(replicas):
        bench.run()
    links = {kind: bench.create(kind, kind) for kind in ("experiment", "pipeline")}
    spec = {"schedulePeriodicMinutes": 1, "scheduleTimeZone": "UTC", "maxConcurrencyCount": 10, "useCatchup": True}
    spec |= {f"{kind}Id": made for kind, made in links.items()}
    schedule = bench.create("pipeline-recurring-run", "often", spec, **links)
    bench.wait("pipeline-recurring-run", schedule, "ENABLED")

    def ended() -> list[str]:
        with bench.database.transaction() as connection:
            runs, _ = pages.page(connection, "local", "pipeline-run", pages.Page(descending=False))
        return sorted(run.spec["scheduledDatetime"] for run in runs if run.status == "COMPLETE")

    for minutes in (1, 2, 7, 40):
        passed[0] = 60.0 * minutes + 30.0
        with bench.database.transaction() as connection:
            leases.look_again(connection, [schedule])
        wait_for(lambda: len(ended()) == minutes, PATIENCE, f"{minutes} runs have ended")  # noqa: B023
    assert len(set(ended())) == len(quick.starts) == 40
    assert set(quick.starts.values()) == {1}
    record = bench.record("pipeline-recurring-run", schedule)
    assert record is not None
    assert record.state["lastSlot"] == ended()[-1]
