"""A lease that has been taken over writes nothing any more, however late its holder comes; nor does a stale version."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from adapters.easymaker.errors import Unavailable
from adapters.easymaker.kinds.record import NewRecord
from adapters.easymaker.store import leases, resources
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.leases import Lease, Outcome
from adapters.easymaker.store.resources import Edit, Request
from tests.conftest import PATIENCE, Installation
from tests.failure.remains import database_of

TAKEOVERS = [200, pytest.param(1000, marks=pytest.mark.exhaustive)]
RACES = 600
RACERS = 4
SHORT = 0.004
APPKEY = "local"
KIND = "training-template"


@pytest.fixture
def database(place: Installation) -> Iterator[Database]:
    """The place's PostgreSQL, with no adapter: the only due resource is the test's."""
    with database_of(place) as made:
        yield made


@pytest.fixture
def resource(database: Database) -> Iterator[str]:
    made = "11111111-2222-4333-8444-555555555555"
    with database.transaction() as connection:
        record = NewRecord(made, KIND, "contended", "", {}, "ACTIVE")
        resources.create(connection, Request(APPKEY, "test"), [record])
        connection.execute(text("UPDATE resources SET due_at = now()"))
    yield made
    with database.transaction() as connection:
        connection.execute(text("DELETE FROM resources WHERE id = :id"), {"id": made})
        connection.execute(text("DELETE FROM events WHERE resource_id = :id"), {"id": made})


def row(connection: Connection, resource: str) -> dict[str, Any]:
    """Everything that a write could change, but for the wish to be looked at again."""
    query = text("SELECT status, reason, state, version, lease_token, goal, attempts FROM resources WHERE id = :id")
    return dict(connection.execute(query, {"id": resource}).mappings().one())


def claim(database: Database, token: str, seconds: float) -> Lease:
    with database.transaction() as connection:
        lease = leases.claim(connection, token, seconds)
    assert lease is not None
    return lease


def write_in_every_way(database: Database, lease: Lease, resource: str, number: int) -> bool:
    """Whether any write by this lease was accepted, or told to be."""
    with database.transaction() as connection:
        before = row(connection, resource)
        told = leases.apply(connection, lease, Outcome("ACTIVE", f"stale {number}", {"stale": number}, 0.0))
        told = leases.forget(connection, lease) or told
        leases.renew(connection, [lease.token], 3600)
        leases.release(connection, lease)
        return told or row(connection, resource) != before


@pytest.mark.timeout(900)
@pytest.mark.parametrize("takeovers", TAKEOVERS)
def test_no_stale_lease_is_accepted(
    takeovers: int, database: Database, resource: str, figures: dict[str, Counter[str]]
) -> None:
    accepted = 0
    for number in range(takeovers):
        stale = claim(database, f"stale-{number}", 0.0)
        fresh = claim(database, f"fresh-{number}", 0.0 if number % 2 else 30.0)
        assert fresh.record.version == stale.record.version
        accepted += write_in_every_way(database, stale, resource, number)
        with database.transaction() as connection:
            assert leases.apply(connection, fresh, Outcome("ACTIVE", f"fresh {number}", {}, 0.0))
        if number % 10 == 0:
            accepted += write_in_every_way(database, fresh, resource, number)
    figures.setdefault("leases", Counter()).update(takeovers=takeovers, stale_writes_accepted=accepted)
    assert accepted == 0


def test_a_change_by_the_user_makes_the_look_stale(database: Database, resource: str) -> None:
    lease = claim(database, "look", 30.0)
    with database.transaction() as connection:
        resources.edit(connection, lease.record, Edit(description="changed meanwhile"), "user")
        assert not leases.apply(connection, lease, Outcome("ACTIVE", "seen before the change", {"old": True}, None))
        found = row(connection, resource)
    assert (found["reason"], found["state"], found["lease_token"]) == ("", {}, None)
    again = claim(database, "again", 30.0)
    assert again.record.description == "changed meanwhile", "given back at once, to be looked at as it is now"


def test_a_replica_that_sleeps_within_a_transaction_loses_its_row_locks(database: Database, resource: str) -> None:
    """Others could take over its lease, but neither claim nor change a row that it keeps locked."""
    lease = claim(database, "sleeper", 0.0)
    with pytest.raises(Unavailable), database.transaction() as sleeping:
        assert leases.apply(sleeping, lease, Outcome("ACTIVE", "the sleeper's", {}, 0.0))
        with database.transaction() as connection:
            resources.edit(connection, lease.record, Edit(description="by another replica"), "user")
        sleeping.execute(text("SELECT 1"))
    found = claim(database, "next", 30.0).record
    assert (found.description, found.reason) == ("by another replica", "")


def test_racing_holders_of_short_leases_lose_no_update(
    database: Database, resource: str, figures: dict[str, Counter[str]]
) -> None:
    """Each look adds one to a counter that it has read; leases run out while the holders dawdle."""
    done = Counter[str]()
    lock = threading.Lock()
    chance = random.Random(20261123)
    pauses = [chance.choice((0.0, 0.0, 2 * SHORT)) for _ in range(RACES)]

    def race() -> None:
        waiting = threading.Event()
        while True:
            with lock:
                if not pauses:
                    return
                pause = pauses.pop()
            with database.transaction() as connection:
                lease = leases.claim(connection, f"{threading.get_native_id()}-{len(pauses)}", SHORT)
            if lease is None:
                waiting.wait(SHORT / 2)
                continue
            waiting.wait(pause)
            count = lease.record.state.get("count", 0) + 1
            with database.transaction() as connection:
                written = leases.apply(connection, lease, Outcome("ACTIVE", str(count), {"count": count}, 0.0))
            with lock:
                done["accepted" if written else "refused"] += 1

    threads = [threading.Thread(target=race) for _ in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    with database.transaction() as connection:
        found = row(connection, resource)
    figures.setdefault("leases", Counter()).update(raced=done["accepted"], refused=done["refused"])
    assert found["state"]["count"] == done["accepted"], "every accepted write built on the one before"
    assert found["version"] == 1 + done["accepted"]
    assert done["refused"] > 0, "no lease ever ran out: this has tested nothing"
