"""The platform's programs are killed with -9 under load: only 503 meanwhile, all come back, nothing is lost.

A training and an endpoint live through all of it.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import psutil
import pytest

from adapters.easymaker.store.embedded import EmbeddedPostgres
from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import Preloaded
from tests.failure.conftest import Places
from tests.failure.life import ANSWER, Life, Patient
from tests.failure.load import Load
from tests.failure.remains import doubled

# Longer than anything here waits: what an expired lease would let go on is seen not to go on.
LEASE_SECONDS = 10 * PATIENCE


@dataclass
class Busy:
    """A running adapter with a training that goes on for long and an endpoint that serves."""

    place: Installation
    life: Life
    training: str
    endpoint: str

    def unharmed(self) -> None:
        """Everything is as it was, and the training has not been begun again."""
        assert self.life.api.get("trainings", self.training)["trainingStatusCode"] == "RUNNING"
        wait_for(lambda: self.predicts() and self.up(), PATIENCE, "the endpoint is ACTIVE and answers")
        assert self.life.runs("long") == 1
        assert doubled(self.place) == []

    def up(self) -> bool:
        return self.life.api.get("endpoints", self.endpoint)["endpointStatusCode"] == "ACTIVE"

    def predicts(self) -> bool:
        try:
            return self.life.predict(self.endpoint) == ANSWER
        except (httpx.HTTPError, ValueError):
            return False


@pytest.fixture(scope="module")
def busy(places: Places, preloaded: Preloaded) -> Iterator[Busy]:
    place = places.current()
    preloaded.start(place, lease_seconds=LEASE_SECONDS)
    life = Life(place, Patient(place))
    training = life.training(life.create("experiments"), "long", seconds=900)
    endpoint = life.create("endpoints", **life.serving(life.model()))
    life.api.wait("trainings", training, "RUNNING")
    life.api.wait("endpoints", endpoint, "ACTIVE")
    wait_for(lambda: life.runs("long"), PATIENCE, "the training has begun")
    yield Busy(place, life, training, endpoint)
    life.api.ok("PUT", f"/trainings/{training}/stop")
    life.api.wait("trainings", training, "STOPPED")
    life.delete_all()
    places.check()


def back_after(kill: Callable[[], None], load: Load, whole: Callable[[], bool]) -> float:
    """Seconds from the kill until all is well again and creates are answered."""
    began = time.monotonic()
    kill()
    load.run_until(20)
    wait_for(whole, PATIENCE, "everything runs again")
    return time.monotonic() - began


def platform_whole(place: Installation) -> bool:
    answer = httpx.get(f"{place.url}/platform", headers=place.headers(), timeout=PATIENCE)
    return answer.status_code == 200 and all(part["state"] == "RUNNING" for part in answer.json()["parts"])


def program_pids(place: Installation, prefix: str) -> list[int]:
    runner = place.runner()
    states = [runner.observe(name) for name in runner.names() if name.startswith(prefix)]
    return [state.pid for state in states if state.pid is not None]


@pytest.mark.parametrize(("program", "count"), [("gateway", 1), ("object-storage-", 4)])
def test_killed_programs_of_the_platform_are_back(
    program: str, count: int, busy: Busy, figures: dict[str, Counter[str]]
) -> None:
    victims = program_pids(busy.place, program)
    assert len(victims) == count

    def kill() -> None:
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not set(victims) & set(program_pids(busy.place, program)), PATIENCE, "they are dead")

    with Load(busy.place) as load:
        seconds = back_after(kill, load, lambda: platform_whole(busy.place))
    assert set(load.codes) == {200}, "resources can be created while they are away"
    assert (load.lost(), load.doubled()) == ([], [])
    busy.unharmed()
    load.clear()
    figures.setdefault("killed programs, ms until back", Counter())[program.strip("-")] = round(seconds * 1000)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_postgresql_is_back_and_nothing_is_lost(
    number: signal.Signals, busy: Busy, figures: dict[str, Counter[str]]
) -> None:
    """SIGINT is PostgreSQL's fast shutdown: a restart by an administrator."""
    pid = int((busy.place.home / "postgres" / "postmaster.pid").read_text().split()[0])

    def kill() -> None:
        os.kill(pid, number)
        wait_for(lambda: not psutil.pid_exists(pid), PATIENCE, "PostgreSQL is dead")

    with Load(busy.place) as load:
        load.run_until(20)
        seconds = back_after(kill, load, lambda: platform_whole(busy.place))
    assert set(load.codes) <= {200, 503}, load.codes
    assert (load.lost(), load.doubled()) == ([], [])
    wait_for(lambda: not load.unfinished(), PATIENCE, "what was interrupted goes on, though its lease has not expired")
    busy.unharmed()
    load.clear()
    figures["killed programs, ms until back"][f"PostgreSQL {number.name}"] = round(seconds * 1000)


def test_work_goes_on_without_the_adapter(busy: Busy, preloaded: Preloaded) -> None:
    url = busy.life.api.get("endpoints", busy.endpoint)["defaultStageUrl"]
    busy.place.stop()
    assert busy.life.predict_at(url) == ANSWER
    postmaster = EmbeddedPostgres(busy.place.home / "postgres")
    postmaster.stop()
    assert busy.life.predict_at(url) == ANSWER
    preloaded.start(busy.place, lease_seconds=LEASE_SECONDS)
    busy.unharmed()
