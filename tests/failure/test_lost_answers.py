"""Answers that get lost after the commit, and connections to the database that are cut: a retry makes no duplicate."""

import itertools
import threading
from collections import Counter

import httpx
import pytest
from sqlalchemy import text

from tests.conftest import PATIENCE, Installation
from tests.failure.adapters_at_hand import ForkedAdapter
from tests.failure.dropping_proxy import DroppingProxy
from tests.failure.load import Load
from tests.failure.remains import database_of

# Templates are rows and no more; experiments are carried out, too.
LOSSES = [(150, 50), pytest.param((850, 150), marks=pytest.mark.exhaustive)]
CUTS = 40
CUT_PAUSE = 0.08


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("losses", LOSSES, ids=sum)
def test_creates_whose_answer_was_lost_are_made_once(
    losses: tuple[int, int], place: Installation, adapter: ForkedAdapter, figures: dict[str, Counter[str]]
) -> None:
    proxy = DroppingProxy(place.port)
    counted = figures.setdefault("lost answers", Counter())
    for plural, count in zip(("training-templates", "experiments"), losses, strict=True):
        with Load(place, [proxy.port], threads=4, plural=plural) as load:
            load.run_until(count, 2 * PATIENCE)
        counted.update(creates=len(load.accepted), duplicates=len(load.doubled()), lost=len(load.lost()))
        assert set(load.codes) == {0, 200}
        assert (load.lost(), load.doubled()) == ([], [])
        load.clear()
    proxy.close()
    counted["answers_dropped"] = proxy.dropped
    assert proxy.dropped >= sum(losses)


def test_a_key_is_good_for_one_request_only(place: Installation, adapter: ForkedAdapter) -> None:
    api = place.api()
    key = {"Idempotency-Key": "the-same"}
    first = api.call("POST", "/experiments", json={"experimentName": "first"}, headers=key)
    other = api.call("POST", "/experiments", json={"experimentName": "other"}, headers=key)
    assert (first.status_code, other.status_code) == (200, 409)
    again = api.call("POST", "/experiments", json={"experimentName": "first"}, headers=key)
    made = first.json()["experiment"]["experimentId"]
    assert again.json()["experiment"]["experimentId"] == made
    api.wait("experiments", "experiment", made, {"ACTIVE"})
    api.ok("DELETE", f"/experiments/{made}")
    api.gone("experiments", made)


def test_one_key_at_many_hands_at_once_makes_one_resource(place: Installation, adapter: ForkedAdapter) -> None:
    """A client that gave up waiting and one that did not: whoever is not the first is told to come again, or the id."""
    answers: list[httpx.Response] = []

    def create() -> None:
        key = {"Idempotency-Key": "together"}
        answers.append(place.api().call("POST", "/experiments", json={"experimentName": "together"}, headers=key))

    threads = [threading.Thread(target=create) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert {answer.status_code for answer in answers} <= {200, 409}
    (made,) = {a.json()["experiment"]["experimentId"] for a in answers if a.status_code == 200}
    api = place.api()
    api.wait("experiments", "experiment", made, {"ACTIVE"})
    api.ok("DELETE", f"/experiments/{made}")
    api.gone("experiments", made)


def test_connections_to_the_database_that_are_cut_under_load(
    place: Installation, adapter: ForkedAdapter, figures: dict[str, Counter[str]]
) -> None:
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'easymaker' AND pid <> :me"
    )
    ended = 0
    waiting = threading.Event()
    with database_of(place) as database, Load(place, threads=4) as load:
        for turn in itertools.count():
            if turn >= CUTS < ended:
                break
            with database.engine.connect() as connection:
                me = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                ended += len(connection.execute(cut, {"me": me}).all())
            waiting.wait(CUT_PAUSE)
        load.run_until(20)
    assert set(load.codes) <= {200, 503}, load.codes
    assert (load.lost(), load.doubled()) == ([], [])
    counted = figures.setdefault("cut database connections", Counter())
    counted.update(cut=ended, creates=len(load.accepted), answered_503=load.codes[503], duplicates=len(load.doubled()))
    load.clear()
