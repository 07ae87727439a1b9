"""SIGTERM under load: what was accepted is there, the adapter ends by itself, and the next one takes over at once."""

import signal
import time
from collections import Counter

import httpx
import pytest

from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import ForkedAdapter, Preloaded
from tests.failure.life import Life, Patient
from tests.failure.load import Load

ROUNDS = [5, pytest.param(20, marks=pytest.mark.exhaustive)]
BETWEEN = 4
# Longer than anything here waits: a lease that was not given back would show.
LEASE_SECONDS = 10 * PATIENCE


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_orderly_ends_under_load_lose_nothing(
    rounds: int, place: Installation, adapter: ForkedAdapter, preloaded: Preloaded, figures: dict[str, Counter[str]]
) -> None:
    """A look that an end interrupts must not block its resource for as long as its lease."""
    slowest_end = 0.0
    current = adapter
    with Load(place, threads=3) as load:
        for _ in range(rounds):
            load.run_until(BETWEEN)
            began = time.monotonic()
            current.send_signal(signal.SIGTERM)
            assert current.wait(PATIENCE) in (0, -signal.SIGTERM), place.tail()
            slowest_end = max(slowest_end, time.monotonic() - began)
            place.adapters.clear()
            current = preloaded.start(place, wait=False, lease_seconds=LEASE_SECONDS)
        load.run_until(BETWEEN)
    assert set(load.codes) <= {0, 200, 503}, load.codes
    counted = figures.setdefault("orderly ends", Counter())
    counted.update(
        rounds=rounds,
        accepted=len(load.accepted),
        lost=len(load.lost()),
        duplicates=len(load.doubled()),
        slowest_end_ms=round(slowest_end * 1000),
        longest_silence_ms=round(load.longest_silence * 1000),
    )
    assert (load.lost(), load.doubled()) == ([], [])
    wait_for(
        lambda: not load.unfinished(), PATIENCE, "everything is carried out; no lease of an ended adapter is waited for"
    )
    load.clear()


def test_an_orderly_end_leaves_work_running(place: Installation, adapter: ForkedAdapter, preloaded: Preloaded) -> None:
    life = Life(place, Patient(place))
    training = life.training(life.create("experiments"), "short", seconds=600)
    life.api.wait("trainings", training, "RUNNING")
    wait_for(lambda: life.runs("short"), PATIENCE, "the training has begun")
    place.stop()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{place.url}/healthz")
    life.go("short")
    preloaded.start(place)
    life.api.wait("trainings", training, "COMPLETE")
    assert life.runs("short") == 1
    life.delete_all()
