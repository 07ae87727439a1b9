"""Recurring runs through the REST API: each slot gets its run, at most so many at once, and an end is an end."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.adapters.easymaker.api.pipeline_runs_at_hand import PATIENCE, RUN, RUNS, SCHEDULE, SCHEDULES, Pipelines
from tests.conftest import wait_for

EVERY_SECOND = "@every 1s"
TWICE = {"scheduleCronExpression": EVERY_SECOND, "maxConcurrencyCount": 2}


def runs_of(pipelines: Pipelines, schedule: str) -> list[dict[str, Any]]:
    return pipelines.api.ok("GET", f"/{RUNS}?pipelineRecurringRunId={schedule}")["pipelineRunList"]


def status(pipelines: Pipelines, schedule: str) -> str:
    return pipelines.api.get(SCHEDULES, SCHEDULE, schedule)["pipelineRecurringRunStatusCode"]


def under_way(runs: list[dict[str, Any]]) -> list[str]:
    ended = {"COMPLETE", "STOPPED", "FAIL_PIPELINE_RUN", "CREATE_FAILED"}
    return [run["pipelineRunId"] for run in runs if run["pipelineRunStatusCode"] not in ended]


def stop(pipelines: Pipelines, schedule: str) -> None:
    pipelines.api.ok("PUT", f"/{SCHEDULES}/{schedule}/stop")
    pipelines.api.wait(SCHEDULES, SCHEDULE, schedule, {"DISABLED"})


def test_no_more_runs_at_once_than_asked_for_and_none_while_stopped(pipelines: Pipelines) -> None:
    schedule = pipelines.schedule("waits", {"name": "tick"}, **TWICE)
    wait_for(lambda: pipelines.noted("tick").count("began") == 2, PATIENCE, "two runs wait")
    told = "a run is due, and waits for one of the 2 that are in progress"
    wait_for(
        lambda: pipelines.api.get(SCHEDULES, SCHEDULE, schedule)["pipelineRecurringRunStatusReason"] == told,
        PATIENCE,
        told,
    )
    assert len(runs_of(pipelines, schedule)) == 2
    stop(pipelines, schedule)
    assert "has a run in progress" in pipelines.api.refused("DELETE", f"/{SCHEDULES}/{schedule}", 409)
    pipelines.go("tick")
    wait_for(lambda: not under_way(runs_of(pipelines, schedule)), PATIENCE, "the runs have ended")
    runs = runs_of(pipelines, schedule)
    assert [run["pipelineRunStatusCode"] for run in runs] == ["COMPLETE"] * 2
    assert {run["pipelineRecurringRun"]["pipelineRecurringRunId"] for run in runs} == {schedule}
    slots = [run["scheduledDatetime"] for run in runs]
    assert len(set(slots)) == 2
    # Started again, it goes on with what was missed while it was stopped.
    pipelines.api.ok("PUT", f"/{SCHEDULES}/{schedule}/start")
    wait_for(lambda: len(runs_of(pipelines, schedule)) > 2, PATIENCE, "it goes on")
    stop(pipelines, schedule)
    wait_for(lambda: not under_way(runs_of(pipelines, schedule)), PATIENCE, "the runs have ended")
    slots = [run["scheduledDatetime"] for run in runs_of(pipelines, schedule)]
    assert len(set(slots)) == len(slots)
    pipelines.delete(SCHEDULES, schedule)
    # Its runs stay, and say which schedule that was.
    kept = pipelines.api.get(RUNS, RUN, runs[0]["pipelineRunId"])["pipelineRecurringRun"]
    assert (kept["pipelineRecurringRunId"], kept["pipelineRecurringRunStatusCode"]) == (schedule, "DELETED")


def test_a_schedule_expires_and_every_slot_before_its_end_has_had_its_run(pipelines: Pipelines) -> None:
    pipelines.pipeline("notes")
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    schedule = pipelines.schedule(
        "notes",
        {"name": "expires"},
        scheduleCronExpression="* * * * * *",
        scheduleEndDatetime=end.isoformat(),
        maxConcurrencyCount=10,
        useCatchup=True,
    )
    pipelines.api.wait(SCHEDULES, SCHEDULE, schedule, {"ENABLED_EXPIRED"})
    wait_for(lambda: not under_way(runs_of(pipelines, schedule)), PATIENCE, "the runs have ended")
    slots = sorted(datetime.fromisoformat(run["scheduledDatetime"]) for run in runs_of(pipelines, schedule))
    assert len(slots) >= 2
    assert slots == [slots[0] + timedelta(seconds=number) for number in range(len(slots))]
    assert slots[-1] == end
    assert len(pipelines.noted("expires")) == len(slots)
    pipelines.delete(SCHEDULES, schedule)


def test_a_wrong_expression_is_refused_with_what_is_wrong(pipelines: Pipelines) -> None:
    for cron, told in (("99 * * * * *", "99"), ("0 0 30 2 * *", "scheduleCronExpression"), ("* * *", "fields")):
        body = pipelines.body("notes", {"name": "x"}, scheduleCronExpression=cron)
        assert told in pipelines.api.refused("POST", f"/{RUNS}", 400, json=body)


def test_a_copy_of_a_schedule_has_its_settings(pipelines: Pipelines) -> None:
    schedule = pipelines.schedule("notes", {"name": "never"}, scheduleCronExpression="@yearly", maxConcurrencyCount=3)
    copied = pipelines.api.ok("POST", f"/{SCHEDULES}/{schedule}/copy", json={})[SCHEDULE]
    assert (copied["scheduleCronExpression"], copied["maxConcurrencyCount"]) == ("@yearly", 3)
    for each in (schedule, copied["pipelineRecurringRunId"]):
        pipelines.delete(SCHEDULES, each)
