"""A database that is there but does not answer in time: the API says 503, nobody hangs, and all goes on afterwards."""

import threading
import time
from collections import Counter

import httpx
from sqlalchemy import text

from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import ForkedAdapter
from tests.failure.life import Life, Patient
from tests.failure.remains import database_of

CALLERS = 60
BLOCKED_SECONDS = 6.0


def test_an_exhausted_pool_is_answered_with_503_and_recovers(
    place: Installation, adapter: ForkedAdapter, figures: dict[str, Counter[str]]
) -> None:
    life = Life(place, Patient(place))
    training = life.training(life.create("experiments"), "long", seconds=300)
    life.api.wait("trainings", training, "RUNNING")
    wait_for(lambda: life.runs("long"), PATIENCE, "the training has begun")
    codes: Counter[int] = Counter()
    slowest = 0.0
    lock = threading.Lock()
    url = f"{place.url}/v1.0/appkeys/local/experiments?page=1&limit=1"

    def ask() -> None:
        nonlocal slowest
        began = time.monotonic()
        code = httpx.get(url, headers=place.headers(), timeout=PATIENCE).status_code
        with lock:
            codes[code] += 1
            slowest = max(slowest, time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(CALLERS)]
    with database_of(place) as database, database.transaction() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text("LOCK TABLE resources IN ACCESS EXCLUSIVE MODE"))
        for thread in threads:
            thread.start()
        assert httpx.get(f"{place.url}/healthz", timeout=PATIENCE).status_code == 200, "alive all the same"
        connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": BLOCKED_SECONDS})
    wait_for(lambda: not any(thread.is_alive() for thread in threads), PATIENCE, "nobody hangs")
    assert set(codes) <= {200, 503}, codes
    assert sum(codes.values()) == CALLERS
    life.api.ok("GET", "/experiments?page=1&limit=1")
    figures.setdefault("exhausted pool", Counter()).update(
        answered_503=codes[503], answered_200=codes[200], slowest_ms=round(slowest * 1000)
    )
    assert life.api.get("trainings", training)["trainingStatusCode"] == "RUNNING"
    life.api.ok("PUT", f"/trainings/{training}/stop")
    life.api.wait("trainings", training, "STOPPED")
    assert life.runs("long") == 1
    life.delete_all()
