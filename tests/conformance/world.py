"""What the conformance tests need of an engine: its drivers, a way to decide how jobs end, and a look behind them.

Everything that a test says to a driver goes through families of real records. What happens to a job is decided by a
``World``: on one machine by a real program, on a cluster by stand-ins for the controllers that write statuses.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from adapters.easymaker.engines.base import Driver, Observation, Phase
from adapters.easymaker.engines.secret_store import SecretStore
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from tests.conformance.bodies import body
from tests.conformance.rows import Rows
from tests.conftest import PATIENCE

Drivers = Mapping[str, Driver]
POLL_SECONDS = 0.02
ENDED = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.STOPPED})


T = TypeVar("T")


def until(condition: Callable[[], T], what: Callable[[], str]) -> T:
    """The first true value; fails with ``what()`` at the deadline."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what()}"
        time.sleep(POLL_SECONDS)
    return value


class World(ABC):
    """``drivers`` are one engine's. ``replica()`` gives a second engine over the same home or cluster."""

    name: str
    drivers: Drivers
    secrets: SecretStore
    rows: Rows

    def __init__(self) -> None:
        self._made: list[str] = []
        self.kept: set[str] = set()
        self.shared: dict[str, str] = {}

    # What a test decides.

    @abstractmethod
    def succeed(self, training: str) -> None:
        """Let the training's program end well."""

    @abstractmethod
    def fail(self, training: str, exit_code: int) -> None:
        """Let the training's program end with this exit code."""

    @abstractmethod
    def interrupt(self, training: str) -> None:
        """The platform ends a running training for reasons of its own."""

    @abstractmethod
    def make_stubborn(self, training: str) -> None:
        """It will not end when it is asked to. Before its start."""

    @abstractmethod
    def spoil(self, stage_resource: str) -> None:
        """Its servers will not be able to load its model. Before its start."""

    # What a test sees behind the drivers.

    @abstractmethod
    def remains(self, record: Record) -> list[str]:
        """Everything that there is of a resource, each thing once."""

    @abstractmethod
    def runs(self, training: str) -> int:
        """How often the training's program was begun."""

    @abstractmethod
    def replica(self) -> AbstractContextManager[Drivers]:
        """Another adapter's drivers, or those of this one after a crash: nothing is in its memory."""

    @abstractmethod
    def unprepared(self) -> AbstractContextManager[Drivers]:
        """The drivers of an adapter whose platform has not started yet."""

    # Resources.

    @abstractmethod
    def needs(self, kind: str) -> Json:
        """What a create request needs here beyond what ``bodies`` says."""

    def new(self, kind: str, **changes: Any) -> str:
        """The id of a new resource that no driver has seen yet. A field that is None is left out."""
        given = body(self.rows, kind) | self.needs(kind) | changes
        planned = self.rows.create(kind, {key: value for key, value in given.items() if value is not None})
        for each in planned:
            self._made.append(each.id)
            if each.secrets:
                self.secrets.put(self.rows.appkey, each.id, each.secrets)
        return planned[0].id

    def record(self, resource_id: str) -> Record:
        return self.rows.records[resource_id]

    def family(self, resource_id: str, goal: Goal | None = None) -> Family:
        if goal is not None:
            self.rows.change(resource_id, goal=goal)
        return self.rows.family(resource_id)

    def driver(self, resource_id: str, drivers: Drivers | None = None) -> Driver:
        return (drivers or self.drivers)[self.record(resource_id).kind]

    # What is done again and again.

    def observe(self, resource_id: str, drivers: Drivers | None = None) -> Observation:
        """What the driver sees; its detail is kept, as the loop does."""
        seen = self.driver(resource_id, drivers).observe(self.family(resource_id))
        self.rows.change(resource_id, state=self.record(resource_id).state | seen.detail)
        return seen

    def start(self, resource_id: str, drivers: Drivers | None = None) -> None:
        """Until a start is carried out: what is only in the way for now is waited for, as the loop does."""
        until(lambda: self._done(lambda: self.driver(resource_id, drivers).start(self.family(resource_id))), str)

    def start_at_once(self, resource_id: str, others: Drivers) -> None:
        """From two engines, and twice in each, at the same moment."""
        sides = [self.drivers, others] * 2
        gate = threading.Barrier(len(sides))

        def start(drivers: Drivers) -> None:
            gate.wait()
            self.start(resource_id, drivers)

        with ThreadPoolExecutor(len(sides)) as pool:
            # Raises what any of them raised.
            list(pool.map(start, sides))

    def ask_everything(self, resource_id: str, drivers: Drivers) -> None:
        """Call every method once; nothing but to be called again may be what any has to say."""
        driver, family = drivers[self.record(resource_id).kind], self.family(resource_id)
        for method in (driver.observe, driver.start, driver.stop, driver.remove):
            self._done(lambda method=method: method(family))

    def settle(
        self, resource_id: str, *phases: Phase, drivers: Drivers | None = None, through: str | None = None
    ) -> Observation:
        """Start it for as long as start() has more to do, until observe() says one of these.

        ``through`` is a resource that this one is reached through, such as a stage: it is kept up to date, too.
        """
        last: list[Observation | str] = [""]
        resting = self.record(resource_id).goal is not Goal.PRESENT

        def arrived() -> Observation | None:
            try:
                seen = self.observe(resource_id, drivers)
                last[0] = seen
                if seen.phase in phases:
                    return seen
                assert seen.phase not in ENDED - {Phase.STOPPED}, seen
                if seen.phase in (Phase.MISSING, Phase.PENDING) and not resting:
                    for each in filter(None, (resource_id, through)):
                        self.driver(each, drivers).start(self.family(each))
            except TemporaryEngineError as error:
                last[0] = str(error)
            return None

        seen = until(arrived, lambda: f"{self.record(resource_id).kind} is {phases}, last: {last[0]}")
        assert seen is not None
        return seen

    def stop(self, resource_id: str) -> Observation:
        """Ask it to end and wait for that."""
        family = self.family(resource_id, Goal.STOPPED)
        self.driver(resource_id).stop(family)
        return self.settle(resource_id, Phase.STOPPED)

    def release(self, resource_id: str) -> None:
        driver: Any = self.driver(resource_id)
        until(lambda: self._done(lambda: driver.release(self.family(resource_id))), lambda: "released")

    def remove(self, resource_id: str, drivers: Drivers | None = None) -> None:
        """Until the driver says that nothing is left."""
        driver, family = self.driver(resource_id, drivers), self.family(resource_id, Goal.ABSENT)
        gone: list[bool] = []
        until(lambda: self._done(lambda: gone.append(driver.remove(family))) and gone[-1], lambda: "removed")

    def nothing_left(self, *records: Record) -> None:
        left: list[str] = []

        def clean() -> bool:
            left[:] = [thing for record in records for thing in self.remains(record)]
            return not left

        until(clean, lambda: f"nothing is left, but there is {left}")

    def tidy(self) -> None:
        """Remove what a test has left, however it went, parts first; ``kept`` are shared by several tests."""
        mine = [each for each in reversed(self._made) if each in self.rows.records and each not in self.kept]
        for resource_id in mine:
            self.rows.change(resource_id, goal=Goal.ABSENT)
        for resource_id in mine:
            self.remove(resource_id)
            del self.rows.records[resource_id]
        self._made = [each for each in self._made if each in self.kept]

    @staticmethod
    def _done(act: Callable[[], object]) -> bool:
        try:
            act()
        except TemporaryEngineError:
            return False
        return True
