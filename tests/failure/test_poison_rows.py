"""Rows that nobody can work with, written by a newer release or by hand: everybody else's resources go on as ever."""

import json
import shutil
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import Preloaded
from tests.failure.life import KEYS, Life, Patient
from tests.failure.remains import database_of

INSERT = text(
    """
    INSERT INTO resources (id, kind, appkey, name, status, goal, spec, state, created_by, created_at, updated_at,
                           due_at)
    VALUES (:id, :kind, 'local', 'poison', :status, :goal, CAST(:spec AS jsonb), CAST(:state AS jsonb), 'test',
            now(), now(), now() - interval '1 day')
    """
)
GOOD: dict[str, Any] = {"status": "CREATE_REQUESTED", "goal": "PRESENT", "spec": {}, "state": {}}
# (kind, what is wrong): a spec without what the driver needs, JSON of another shape, words that nobody knows.
POISON: tuple[tuple[str, dict[str, Any]], ...] = (
    ("training", {}),
    ("training", {"spec": {"instanceCount": "many", "imageId": 7, "flavorId": None}}),
    ("training", {"spec": []}),
    ("training", {"state": ["no", "object"]}),
    ("training", {"status": "A_STATUS_OF_TOMORROW"}),
    ("training", {"goal": "TOMORROW"}),
    ("training", {"goal": "ABSENT", "status": "DELETE_IN_PROGRESS"}),
    ("model", {"spec": {"modelUploadUri": 5, "modelFormatCode": {}}}),
    ("endpoint", {}),
    ("endpoint-stage", {"spec": {"endpointId": "../../etc", "defaultStageId": None}}),
    ("endpoint-model", {"spec": {"modelFormatCode": "SKLEARN", "podCount": -3}}),
    ("a-kind-of-tomorrow", {}),
)
BATCH = 6


@pytest.fixture
def poisoned(place: Installation, preloaded: Preloaded) -> Iterator[list[tuple[str, str]]]:
    """An adapter runs; (kind, id) of rows that it cannot work with, which are due before anything else."""
    preloaded.start(place, lease_seconds=2)
    rows = [(kind, str(uuid.uuid4()), GOOD | wrong) for kind, wrong in POISON]
    yield [(kind, made) for kind, made, _ in rows]
    place.kill()
    with database_of(place) as database, database.transaction() as connection:
        connection.execute(text("DELETE FROM resources WHERE name = 'poison'"))
    for _, made, _ in rows:
        for folder in ("jobs", "models"):
            shutil.rmtree(place.home / folder / made, ignore_errors=True)


def insert(place: Installation, poisoned: list[tuple[str, str]]) -> None:
    with database_of(place) as database, database.transaction() as connection:
        for (kind, made), (_, wrong) in zip(poisoned, POISON, strict=True):
            row = GOOD | wrong
            values = row | {"spec": json.dumps(row["spec"]), "state": json.dumps(row["state"])}
            connection.execute(INSERT, {"id": made, "kind": kind, **values})
        connection.execute(text("SELECT pg_notify('easymaker_due', '')"))


def seconds_to_be_active(life: Life) -> list[float]:
    taken: list[float] = []
    for _ in range(BATCH):
        began = time.monotonic()
        made = life.create("experiments")
        life.api.wait("experiments", made, "ACTIVE")
        taken.append(time.monotonic() - began)
    return taken


def test_poison_rows_stop_nobody_else(
    place: Installation, poisoned: list[tuple[str, str]], figures: dict[str, Counter[str]]
) -> None:
    life = Life(place, Patient(place))
    before = statistics.median(seconds_to_be_active(life))
    insert(place, poisoned)
    wait_for(lambda: looked_at(place) >= len(POISON) - 2, PATIENCE, "the poison has been looked at")
    after = statistics.median(seconds_to_be_active(life))
    training = life.training(life.made[0][1], "once")
    life.api.wait("trainings", training, "COMPLETE")
    assert life.runs("once") == 1
    adapter = place.adapters[0]
    assert adapter.poll() is None
    assert place.log.read_text().count('"event": "claiming failed"') == 0
    counted = figures.setdefault("poison rows", Counter())
    counted.update(rows=len(POISON), active_ms_before=round(before * 1000), active_ms_after=round(after * 1000))
    life.delete_all()


def looked_at(place: Installation) -> int:
    """Poison rows that are not overdue: somebody has put them off, or holds them."""
    query = """SELECT count(*) FROM resources WHERE name = 'poison'
               AND (due_at IS NULL OR due_at > now() - interval '1 hour' OR lease_expires_at > clock_timestamp())"""
    with database_of(place) as database, database.transaction() as connection:
        return connection.execute(text(query)).scalar_one()


def test_poison_rows_leave_other_answers_alone(place: Installation, poisoned: list[tuple[str, str]]) -> None:
    """What cannot be shown is an answer in the usual envelope; everything that does not contain it is as ever."""
    life = Life(place, Patient(place))
    experiment = life.create("experiments")
    training = life.training(experiment, "once")
    insert(place, poisoned)
    for kind, made in poisoned:
        plural = f"{kind}s"
        if plural in KEYS:
            answer = place.api().call("GET", f"/{plural}/{made}")
            assert answer.json()["header"]["resultCode"] is not None
            assert "Traceback" not in answer.text
    life.api.wait("trainings", training, "COMPLETE")
    assert life.api.get("experiments", experiment)["experimentStatusCode"] == "ACTIVE"
    assert life.api.named("experiments", life.name) == [experiment]
    assert life.api.named("trainings", life.name) == [training], "a list without the poison in it"
    life.delete_all()


def test_a_list_with_poison_in_it_shows_the_others(place: Installation, poisoned: list[tuple[str, str]]) -> None:
    life = Life(place, Patient(place))
    training = life.training(life.create("experiments"), "once")
    life.api.wait("trainings", training, "COMPLETE")
    insert(place, poisoned)
    try:
        listed = place.api().call("GET", "/trainings")
        assert listed.status_code == 200
        assert training in {each["trainingId"] for each in listed.json()["trainingList"]}
    finally:
        life.delete_all()
