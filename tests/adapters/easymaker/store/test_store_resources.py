"""What the API reads and writes: pages, searches, unique names, repeated requests, guards and deletes."""

import threading
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import text

from adapters.easymaker.errors import Conflict, InvalidRequest, Unavailable
from adapters.easymaker.kinds.kind import Change
from adapters.easymaker.kinds.record import Goal, NewRecord, Record
from adapters.easymaker.store import events, pages, resources
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.pages import Page
from adapters.easymaker.store.resources import Edit, Request

Store = Callable[..., Record]


def listed(database: Database, kind: str = "experiment", appkey: str = "local", **wanted: object) -> list[str]:
    with database.transaction() as connection:
        records, total = pages.page(connection, appkey, kind, Page(**wanted))  # type: ignore[arg-type]
    if wanted.get("limit") is None:
        assert total == len(records)
    return [record.name for record in records]


def test_a_new_resource_has_what_was_given_and_an_event(database: Database, store: Store) -> None:
    made = store("experiment", "iris", description="flowers", spec={"a": [1, {"b": "ü😀"}]})
    assert (made.name, made.description, made.spec) == ("iris", "flowers", {"a": [1, {"b": "ü😀"}]})
    assert (made.status, made.goal, made.version) == ("CREATE_REQUESTED", Goal.PRESENT, 1)
    assert made.created_at.tzinfo is not None
    with database.transaction() as connection:
        (event,) = events.of_resource(connection, "local", "experiment", made.id, 10)
    assert (event.actor, event.from_status, event.to_status) == ("tester", None, "CREATE_REQUESTED")


def test_another_appkey_sees_nothing(database: Database, store: Store) -> None:
    made = store("experiment", "mine")
    with database.transaction() as connection:
        assert resources.find(connection, "other", "experiment", [made.id]) == {}
        assert resources.find(connection, "local", "training", [made.id]) == {}
        assert events.of_resource(connection, "other", "experiment", made.id, 10) == []
    assert listed(database, appkey="other") == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["100%", "a_b", "aXb", "back\\slash", "Iris", "ÄRGER"]),
        ("%", ["100%"]),
        ("_", ["a_b"]),
        ("a_b", ["a_b"]),
        ("\\", ["back\\slash"]),
        ("iRI", ["Iris"]),
        ("ärg", ["ÄRGER"]),
        ("' OR 1=1 --", []),
    ],
)
def test_a_search_takes_every_character_literally(
    database: Database, store: Store, search: str, found: list[str]
) -> None:
    for name in ("100%", "a_b", "aXb", "back\\slash", "Iris", "ÄRGER"):
        store("experiment", name)
    assert listed(database, search=search, descending=False) == found


def test_pages_cover_everything_once_in_order(database: Database, store: Store) -> None:
    names = [f"experiment {number}" for number in range(7)]
    made = [store("experiment", name) for name in names]
    with database.transaction() as connection:
        connection.execute(text("UPDATE resources SET created_at = now()"))  # all equal: the id decides
    seen: list[str] = []
    for offset in range(0, 9, 3):
        with database.transaction() as connection:
            records, total = pages.page(connection, "local", "experiment", Page(limit=3, offset=offset))
        assert total == 7
        seen += [record.id for record in records]
    assert seen == sorted(record.id for record in made)


def test_lists_sort_and_filter(database: Database, store: Store) -> None:
    first, second = store("experiment", "b"), store("experiment", "a")
    store("training", "one", links={"experiment": (first.id,)})
    store("training", "two", links={"experiment": (second.id,)})
    assert listed(database) == ["a", "b"]
    assert listed(database, descending=False) == ["b", "a"]
    assert listed(database, sort="name", descending=False) == ["a", "b"]
    assert listed(database, names=["b", "none"]) == ["b"]
    assert listed(database, ids=[first.id, "none"]) == ["b"]
    assert listed(database, statuses=["ACTIVE"]) == []
    assert listed(database, kind="training", links={"experiment": second.id}) == ["two"]


def test_a_unique_name_is_taken_once_per_appkey(database: Database, store: Store) -> None:
    taken = store("endpoint", "iris", unique_key="iris")
    store("endpoint", "iris", appkey="other", unique_key="iris")
    with pytest.raises(InvalidRequest, match="the name iris is taken"):
        store("endpoint", "iris", unique_key="iris")
    other = store("endpoint", "rose", unique_key="rose")
    with pytest.raises(InvalidRequest, match="the name iris is taken"), database.transaction() as connection:
        resources.edit(connection, other, Edit(name="iris", unique_key="iris"), "tester")
    assert sorted(listed(database, kind="endpoint")) == ["iris", "rose"]
    with database.transaction() as connection:
        changed = resources.edit(connection, taken, Edit(name="lily", unique_key="lily"), "tester")
    assert (changed.name, changed.version) == ("lily", taken.version + 1)
    store("endpoint", "iris", unique_key="iris")


def test_a_repeated_request_finds_what_it_has_created(database: Database, make_new: Callable[..., NewRecord]) -> None:
    request = Request("local", "tester", "key-1", "digest")
    with database.transaction() as connection:
        assert resources.find_by_request(connection, "experiment", request) is None
        made = resources.create(connection, request, [make_new("experiment")])
    with database.transaction() as connection:
        found = resources.find_by_request(connection, "experiment", request)
        assert found is not None
        assert found.id == made.id
        with pytest.raises(Conflict, match="used for a different request"):
            resources.find_by_request(connection, "experiment", Request("local", "tester", "key-1", "another"))
        assert resources.find_by_request(connection, "experiment", Request("other", "tester", "key-1", "x")) is None


def test_one_of_many_simultaneous_requests_with_one_key_creates(
    database: Database, make_new: Callable[..., NewRecord]
) -> None:
    """The answer to a POST may get lost: its repetition, even at the same moment, must not create a second one."""
    outcomes: list[str] = []
    barrier = threading.Barrier(6)

    def post() -> None:
        barrier.wait()
        try:
            with database.transaction() as connection:
                resources.create(connection, Request("local", "tester", "key", "digest"), [make_new("experiment")])
            outcomes.append("created")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created"] + ["refused"] * 5
    assert len(listed(database)) == 1


def test_blockers_are_counted_and_the_first_are_named(database: Database, store: Store) -> None:
    experiment = store("experiment")
    for number in range(4):
        store("training", f"training {number}", links={"experiment": (experiment.id,)})
    with database.transaction() as connection:
        total, named = resources.blockers(connection, experiment, limit=2)
        assert (total, named) == (4, [("Training", "training 0"), ("Training", "training 1")])
        assert resources.blockers(connection, store("experiment")) == (0, [])


def endpoint_tree(store: Store) -> Sequence[Record]:
    endpoint = store("endpoint", "e", unique_key="e")
    stage = store("endpoint-stage", "s", links={"endpoint": (endpoint.id,)})
    model = store("model", "m")
    resource = store("endpoint-model", "r", links={"stage": (stage.id,), "model": (model.id,)})
    return endpoint, stage, resource, model


def test_a_delete_takes_along_what_is_owned_and_nothing_else(database: Database, store: Store) -> None:
    *tree, model = endpoint_tree(store)
    with database.transaction() as connection:
        resources.request_delete(connection, tree[0], "tester")
    with database.transaction() as connection:
        for record in tree:
            found = resources.find(connection, "local", record.kind, [record.id])[record.id]
            assert (found.goal, found.status) == (Goal.ABSENT, "DELETE_IN_PROGRESS")
            assert len(events.of_resource(connection, "local", record.kind, record.id, 10)) == 2
        assert resources.find(connection, "local", "model", [model.id])[model.id].goal is Goal.PRESENT
        resources.request_delete(connection, tree[0], "tester")
        assert len(events.of_resource(connection, "local", "endpoint", tree[0].id, 10)) == 2, "asked twice, told once"


def test_deletes_in_one_tree_at_the_same_time_do_not_wait_for_each_other(database: Database, store: Store) -> None:
    """Owners are locked before what they own; in another order two deletes would deadlock, and one answer be 503."""
    for _ in range(15):
        endpoint, stage, resource, _ = endpoint_tree_named(store)
        barrier = threading.Barrier(3)
        trouble: list[BaseException] = []

        def delete(root: Record, barrier: threading.Barrier = barrier, trouble: list[BaseException] = trouble) -> None:
            barrier.wait()
            try:
                with database.transaction() as connection:
                    resources.find(connection, "local", root.kind, [root.id], lock="update")
                    resources.request_delete(connection, root, "tester")
            except Unavailable as error:
                trouble.append(error)

        threads = [threading.Thread(target=delete, args=(root,)) for root in (endpoint, stage, resource)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not trouble


def endpoint_tree_named(store: Store) -> Sequence[Record]:
    endpoint = store("endpoint", "e")
    stage = store("endpoint-stage", "s", links={"endpoint": (endpoint.id,)})
    model = store("model", "m")
    # An id that sorts before those of its owners.
    resource = store("endpoint-model", "r", id=f"a-{stage.id}", links={"stage": (stage.id,), "model": (model.id,)})
    return endpoint, stage, resource, model


def test_a_change_that_the_statuses_forbid_is_refused(database: Database, store: Store) -> None:
    made = store("training", links={"experiment": (store("experiment").id,)})
    with pytest.raises(Conflict, match="cannot become COMPLETE"), database.transaction() as connection:
        resources.change(connection, made, Change(made.id, status="COMPLETE"), "tester")
    with database.transaction() as connection:
        change = Change(made.id, goal=Goal.STOPPED, status="STOP_IN_PROGRESS", reason="stop requested")
        changed = resources.change(connection, made, change, "tester")
    assert (changed.status, changed.goal, changed.version) == ("STOP_IN_PROGRESS", Goal.STOPPED, 2)


def test_what_is_referred_to_cannot_be_dropped_by_mistake(database: Database, store: Store) -> None:
    """The last line of defence is the database itself."""
    experiment = store("experiment")
    store("training", links={"experiment": (experiment.id,)})
    with pytest.raises(Exception, match="foreign key"), database.transaction() as connection:
        connection.execute(text("DELETE FROM resources WHERE id = :id"), {"id": experiment.id})


def test_events_are_cut_to_the_newest_and_told_oldest_first(database: Database, store: Store) -> None:
    made = store("experiment")
    for number in range(5):
        with database.transaction() as connection:
            resources.edit(connection, made, Edit(description=str(number)), f"tester {number}")
    with database.transaction() as connection:
        told = events.of_resource(connection, "local", "experiment", made.id, 3)
    assert [event.actor for event in told] == ["tester 2", "tester 3", "tester 4"]
