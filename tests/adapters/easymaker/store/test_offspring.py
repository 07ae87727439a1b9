"""What resources bring forth and were made in: once each, beside what is there, and found again."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from adapters.easymaker.kinds.record import Goal, NewRecord, Record
from adapters.easymaker.store import events, families, leases, resources
from adapters.easymaker.store.database import Database

Store = Callable[..., Record]
MakeNew = Callable[..., NewRecord]


def schedule(store: Store) -> tuple[Record, Record, Record]:
    experiment, pipeline = store("experiment", "e"), store("pipeline", "p")
    links = {"experiment": (experiment.id,), "pipeline": (pipeline.id,)}
    return store("pipeline-recurring-run", "nightly", links=links), pipeline, experiment


def run_of(made: Sequence[Record], make_new: MakeNew, resource_id: str) -> NewRecord:
    parent, pipeline, experiment = made
    links = {"experiment": (experiment.id,), "pipeline": (pipeline.id,), "pipelineRecurringRun": (parent.id,)}
    return make_new("pipeline-run", f"run {resource_id}", id=resource_id, links=links)


def bring_forth(database: Database, parent: Record, *new: NewRecord) -> int:
    with database.transaction() as connection:
        return resources.bring_forth(connection, parent, new)


def forget(database: Database, record: Record) -> bool:
    """As the loop does with a resource of which nothing is left."""
    with database.transaction() as connection:
        connection.execute(resources.resources.update().values(due_at=None))
        connection.execute(
            resources.resources.update()
            .where(resources.resources.c.id == record.id)
            .values(due_at=resources.NOW, goal=Goal.ABSENT.value)
        )
        lease = leases.claim(connection, "token", 30)
        assert lease is not None
        assert lease.record.id == record.id
        return leases.forget(connection, lease)


def test_a_run_is_made_once_whoever_brings_it_and_stays_as_it_is(
    database: Database, store: Store, make_new: MakeNew
) -> None:
    made = schedule(store)
    first = run_of(made, make_new, "slot-1")
    assert bring_forth(database, made[0], first) == 1
    assert bring_forth(database, made[0], replace(first, name="another"), run_of(made, make_new, "slot-2")) == 1
    with database.transaction() as connection:
        found = resources.find(connection, "local", "pipeline-run", ["slot-1", "slot-2"])
        assert {record.name for record in found.values()} == {"run slot-1", "run slot-2"}
        (event,) = events.of_resource(connection, "local", "pipeline-run", "slot-1", 10)
    assert (event.actor, event.reason) == ("tester", "created by nightly")


def test_a_family_has_of_followed_kinds_what_is_under_way(database: Database, store: Store, make_new: MakeNew) -> None:
    made = schedule(store)
    bring_forth(database, made[0], run_of(made, make_new, "over"), run_of(made, make_new, "working"))
    with database.transaction() as connection:
        over = resources.resources.c.id == "over"
        connection.execute(resources.resources.update().where(over).values(due_at=None, status="COMPLETE"))
    with database.reading() as connection:
        (family,) = families.load(connection, [made[0]], refs=True, source_kinds=(), followed=("pipeline-run",))
        (without,) = families.load(connection, [made[0]], refs=True, source_kinds=())
    assert [run.id for run in family.sources["pipeline-run"]] == ["working"]
    assert family.ref("pipeline") is not None
    assert without.sources == {}


def test_a_deleted_schedule_leaves_its_runs_without_it(database: Database, store: Store, make_new: MakeNew) -> None:
    made = schedule(store)
    bring_forth(database, made[0], run_of(made, make_new, "slot-1"))
    assert forget(database, made[0])
    with database.reading() as connection:
        run = resources.find(connection, "local", "pipeline-run", ["slot-1"])["slot-1"]
        (family,) = families.load(connection, [run], refs=True, source_kinds=())
    assert family.ref("pipelineRecurringRun") is None
    assert family.ref("pipeline") is not None


def test_what_was_made_in_a_run_is_found_and_nothing_else(database: Database, store: Store) -> None:
    run = store("pipeline-run", "run")
    store("training", "first", spec={"parentPipelineRunId": run.id, "parentPipelineRunTaskName": "train"})
    store("model", "second", spec={"parentPipelineRunId": run.id})
    store("training", "of another run", spec={"parentPipelineRunId": "another"})
    store("training", "of another appkey", appkey="other", spec={"parentPipelineRunId": run.id})
    store("training", "of none")
    with database.reading() as connection:
        assert [record.name for record in resources.made_in(connection, run, 10)] == ["first", "second"]
        assert [record.name for record in resources.made_in(connection, run, 1)] == ["first"]
