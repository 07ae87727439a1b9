"""Retrying an experiment whose creation failed, and only such a one."""

from typing import Any

import sqlalchemy

from adapters.easymaker.store.embedded import EmbeddedPostgres


def test_a_failed_experiment_can_be_retried_and_becomes_active(installation: Any) -> None:
    api = installation.api()
    made = api.experiment("to be retried")
    assert "CREATE_FAILED" in api.refused("PUT", f"/experiments/{made}/retry", 409)

    engine = sqlalchemy.create_engine(EmbeddedPostgres(installation.home / "postgres").start())
    with engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE resources SET status = 'CREATE_FAILED', due_at = NULL WHERE id = :id"), {"id": made}
        )
    engine.dispose()
    (installation.home / "tensorboard" / made).rmdir()

    again = api.ok("PUT", f"/experiments/{made}/retry")["experiment"]
    assert again["experimentStatusCode"] in ("CREATE_REQUESTED", "CREATE_IN_PROGRESS", "ACTIVE")
    api.wait("experiments", "experiment", made, {"ACTIVE"})
    assert (installation.home / "tensorboard" / made).is_dir()
    reasons = [event["reason"] for event in api.ok("GET", f"/experiments/{made}/events")["eventList"]]
    assert "retry requested" in reasons
