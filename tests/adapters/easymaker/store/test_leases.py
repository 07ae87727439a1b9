"""Leases on PostgreSQL: one holder at a time, no write after losing one, no wake-up lost, nobody waits for another."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from adapters.easymaker.kinds.record import Record
from adapters.easymaker.store import events, leases, resources
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.leases import Lease, Outcome
from adapters.easymaker.store.resources import Edit

Store = Callable[..., Record]


def claim(database: Database, token: str = "token", seconds: float = 30.0) -> Lease | None:
    with database.transaction() as connection:
        return leases.claim(connection, token, seconds)


def taken(database: Database, token: str = "token", seconds: float = 30.0) -> Lease:
    lease = claim(database, token, seconds)
    assert lease is not None
    return lease


def apply(database: Database, lease: Lease, status: str, **values: Any) -> bool:
    with database.transaction() as connection:
        return leases.apply(connection, lease, Outcome(status, values.pop("reason", ""), **values))


def row(database: Database, resource_id: str) -> dict[str, Any]:
    query = text("SELECT *, due_at <= clock_timestamp() AS is_due FROM resources WHERE id = :id")
    with database.transaction() as connection:
        return dict(connection.execute(query, {"id": resource_id}).mappings().one())


def expire(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(
            text("UPDATE resources SET lease_expires_at = now() - interval '1 s' WHERE lease_token > ''")
        )


def test_many_claimers_share_the_work_without_overlap(database: Database, store: Store) -> None:
    for _ in range(60):
        store("experiment")
    seen: list[str] = []
    barrier = threading.Barrier(6)

    def work(number: int) -> None:
        barrier.wait()
        while (lease := claim(database, f"{number}-{len(seen)}")) is not None:
            seen.append(lease.record.id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == len(set(seen)) == 60


def test_an_outcome_is_written_with_state_event_and_next_look(database: Database, store: Store) -> None:
    made = store("experiment")
    lease = taken(database)
    assert apply(database, lease, "CREATE_IN_PROGRESS", reason="r", state={"a": 1}, due_in=3600.0, attempts=2)
    found = row(database, made.id)
    assert (found["status"], found["reason"], found["state"], found["attempts"]) == (
        "CREATE_IN_PROGRESS",
        "r",
        {"a": 1},
        2,
    )
    assert not found["is_due"]
    assert found["lease_token"] is None
    assert claim(database) is None
    with database.transaction() as connection:
        told = events.of_resource(connection, "local", "experiment", made.id, 10)
        due = leases.next_due(connection)
    assert [(event.actor, event.to_status) for event in told][1:] == [("reconciler", "CREATE_IN_PROGRESS")]
    assert due is not None
    assert 3000 < due <= 3600


def test_a_look_that_found_nothing_new_writes_no_event_and_no_version(database: Database, store: Store) -> None:
    made = store("experiment")
    assert apply(database, taken(database), "CREATE_REQUESTED", due_in=0.0)
    assert row(database, made.id)["version"] == 1
    with database.transaction() as connection:
        assert len(events.of_resource(connection, "local", "experiment", made.id, 10)) == 1


def test_a_transition_that_the_statuses_forbid_is_never_written(database: Database, store: Store) -> None:
    store("training", links={"experiment": ()})
    with pytest.raises(ValueError, match="cannot become COMPLETE"):
        apply(database, taken(database), "COMPLETE")


def test_who_lost_the_lease_writes_nothing_and_asks_for_another_look(database: Database, store: Store) -> None:
    made = store("experiment")
    old = taken(database, "old")
    expire(database)
    new = taken(database, "new")
    assert new.record.id == old.record.id
    assert not apply(database, old, "ACTIVE")
    found = row(database, made.id)
    assert (found["status"], found["lease_token"]) == ("CREATE_REQUESTED", "new")
    assert apply(database, new, "CREATE_IN_PROGRESS", due_in=60.0)
    assert row(database, made.id)["is_due"], "the old holder may have changed something at the engine"
    with database.transaction() as connection:
        assert not leases.forget(connection, old)
    assert row(database, made.id)["status"] == "CREATE_IN_PROGRESS"


def test_a_renewed_lease_is_held_and_a_lost_one_cannot_be_renewed(database: Database, store: Store) -> None:
    store("experiment")
    taken(database, "old", 0.0)
    with database.transaction() as connection:
        leases.renew(connection, ["old"], 60.0)
    assert claim(database, "new") is None
    expire(database)
    taken(database, "new")
    with database.transaction() as connection:
        leases.renew(connection, ["old"], 60.0)
    expire(database)
    assert claim(database, "third") is not None


def test_a_users_change_during_a_look_is_not_overwritten(database: Database, store: Store) -> None:
    made = store("experiment")
    lease = taken(database)
    with database.transaction() as connection:
        resources.edit(connection, made, Edit(description="new"), "tester")
    assert not apply(database, lease, "ACTIVE")
    found = row(database, made.id)
    assert (found["status"], found["description"], found["lease_token"]) == ("CREATE_REQUESTED", "new", None)
    assert found["is_due"]


def test_a_neighbour_that_changes_during_a_look_causes_another_look(database: Database, store: Store) -> None:
    """Else a training that has just seen its experiment unready would learn of its becoming ready seconds later."""
    experiment = store("experiment")
    training = store("training", links={"experiment": (experiment.id,)})
    first, second = taken(database, "one"), taken(database, "two")
    assert (first.record.id, second.record.id) == (experiment.id, training.id)
    assert apply(database, first, "ACTIVE")
    assert apply(database, second, "CREATE_REQUESTED", reason="waiting", due_in=60.0)
    assert row(database, training.id)["is_due"]
    assert row(database, experiment.id)["due_at"] is None, "what rests is left alone"


def test_a_new_state_wakes_the_neighbours_as_a_new_status_does(database: Database, store: Store) -> None:
    """A stage goes by the ports in its resources' states; what has not changed wakes nobody."""
    stage = store("endpoint-stage")
    part = store("endpoint-model", links={"stage": (stage.id,)})
    waiting = {"due_in": 60.0}
    first, second = taken(database, "one"), taken(database, "two")
    assert (first.record.id, second.record.id) == (stage.id, part.id)
    assert apply(database, second, "CREATE_IN_PROGRESS", state={"ports": []}, due_in=0.0)
    assert apply(database, first, "CREATE_IN_PROGRESS", **waiting)
    # Woken by the part while it was looked at.
    for _ in range(2):
        lease = taken(database)
        pause = 0.0 if lease.record.kind == "endpoint-model" else 60.0
        assert apply(database, lease, "CREATE_IN_PROGRESS", state=lease.record.state, due_in=pause)
    assert not row(database, stage.id)["is_due"]
    lease = taken(database)
    assert apply(database, lease, "CREATE_IN_PROGRESS", state={"ports": [8080]}, due_in=60.0)
    assert lease.record.id == part.id
    assert row(database, stage.id)["is_due"]


def test_neighbours_that_change_at_the_same_time_never_wait_for_each_other(database: Database, store: Store) -> None:
    """A stage wakes its resources and they wake the stage; locked in both orders that was a deadlock."""
    stage = store("endpoint-stage")
    parts = [store("endpoint-model", links={"stage": (stage.id,)}) for _ in range(3)]
    for _ in range(25):
        held = [taken(database, str(number)) for number in range(1 + len(parts))]
        barrier, trouble = threading.Barrier(len(held)), list[BaseException]()

        def write(lease: Lease, barrier: threading.Barrier = barrier, trouble: list[BaseException] = trouble) -> None:
            now = lease.record.status
            status = {"CREATE_REQUESTED": "CREATE_IN_PROGRESS", "ACTIVE": "CREATE_IN_PROGRESS"}.get(now, "ACTIVE")
            if lease.record.kind == "endpoint-stage" and now == "ACTIVE":
                status = "DEPLOY_IN_PROGRESS"
            barrier.wait()
            try:
                assert apply(database, lease, status, due_in=0.0)
            except BaseException as error:
                trouble.append(error)

        threads = [threading.Thread(target=write, args=(lease,)) for lease in held]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not trouble


def test_a_neighbour_that_is_just_being_written_is_woken_afterwards(database: Database, store: Store) -> None:
    """It looked before this one changed, and its own next look may be minutes away: an endpoint and its last part."""
    endpoint = store("endpoint")
    stage = store("endpoint-stage", links={"endpoint": (endpoint.id,)})
    assert apply(database, taken(database), "CREATE_IN_PROGRESS", due_in=0.0)
    leases_of = {lease.record.id: lease for lease in (taken(database, "one"), taken(database, "two"))}
    first, second = leases_of[endpoint.id], leases_of[stage.id]
    missed: list[str] = []
    waits = Outcome("CREATE_IN_PROGRESS", "1 of its parts has tasks in progress", due_in=300.0)
    with database.transaction() as writing:
        assert leases.apply(writing, first, waits)
        with database.transaction() as connection:
            assert leases.apply(connection, second, Outcome("CREATE_IN_PROGRESS", ""), missed)
    assert missed == [endpoint.id]
    with database.transaction() as connection:
        leases.look_again(connection, missed)
    assert row(database, endpoint.id)["is_due"]


def test_one_that_rests_is_looked_at_once_more_and_one_that_does_not_is_left_alone(
    database: Database, store: Store
) -> None:
    resting, working = store("experiment"), store("experiment")
    for _ in range(2):
        lease = taken(database)
        assert apply(database, lease, "ACTIVE", due_in=None if lease.record.id == resting.id else 300.0)
    with database.transaction() as connection:
        leases.look_again(connection, [resting.id])
    assert row(database, resting.id)["due_at"] is None
    with database.transaction() as connection:
        leases.look_at_resting(connection, [resting.id, working.id, "gone"])
    assert not row(database, working.id)["is_due"]
    lease = taken(database)
    assert lease.record.id == resting.id
    assert apply(database, lease, "ACTIVE", due_in=None)
    assert row(database, resting.id)["due_at"] is None


def test_a_forgotten_resource_leaves_its_events_and_wakes_its_owner(database: Database, store: Store) -> None:
    endpoint = store("endpoint")
    stage = store("endpoint-stage", links={"endpoint": (endpoint.id,)})
    assert apply(database, taken(database), "CREATE_IN_PROGRESS", due_in=60.0)
    lease = taken(database)
    with database.transaction() as connection:
        assert leases.forget(connection, lease)
    assert row(database, endpoint.id)["is_due"]
    with database.transaction() as connection:
        last = events.of_resource(connection, "local", "endpoint-stage", stage.id, 10)[-1]
    assert (last.to_status, last.reason) == (None, "deleted")


def test_an_unreadable_row_does_not_hold_up_the_others(database: Database, store: Store) -> None:
    """Such as one that a newer release has written: it is due for longest, so it is claimed first."""
    poison, other = store("experiment"), store("experiment")
    with database.transaction() as connection:
        connection.execute(text("UPDATE resources SET goal = 'ODD' WHERE id = :id"), {"id": poison.id})
    assert claim(database) is None
    assert taken(database).record.id == other.id
    assert not row(database, poison.id)["is_due"]
