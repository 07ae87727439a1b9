"""What pipelines, runs and schedules take and tell: every problem with its field, and settings that reach each run."""

import base64
import json
from typing import Any

import pytest
import yaml

from adapters.easymaker import catalogue as catalogues
from adapters.easymaker.api import bodies
from adapters.easymaker.errors import Conflict, InvalidRequest
from adapters.easymaker.kinds import pipeline, pipeline_recurring_run, pipeline_run
from adapters.easymaker.kinds.kind import Planning, Presenting, Site
from adapters.easymaker.kinds.record import Family, Goal, Json, NewRecord, Offspring, Record
from tests.adapters.easymaker.kinds.records import record_of

CATALOGUE = catalogues.load(None)
SITE = Site("local", "http://127.0.0.1:1", "127.0.0.1:2")
FLAVOR = CATALOGUE.flavors[0].id
DOCUMENT: Json = {
    "schemaVersion": "2.1.0",
    "sdkVersion": "kfp-2.17.0",
    "pipelineInfo": {"name": "hello"},
    "deploymentSpec": {"executors": {"exec-say": {"container": {"image": "python:3.11", "command": ["true"]}}}},
    "components": {"comp-say": {"executorLabel": "exec-say"}},
    "root": {
        "dag": {"tasks": {"say": {"componentRef": {"name": "comp-say"}, "taskInfo": {"name": "say"}}}},
        "inputDefinitions": {
            "parameters": {
                "name": {"parameterType": "STRING"},
                "count": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3, "isOptional": True},
            }
        },
    },
}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def uploaded(**changes: Any) -> Record:
    manifest = encoded(yaml.safe_dump(DOCUMENT, sort_keys=False))
    given = {"pipelineName": "hello", "base64PipelineSpecManifest": manifest} | changes
    (new,) = pipeline.plan(bodies.validate(pipeline.PipelineCreate, given), planning())
    return record_of(new, status="ACTIVE")


def planning(*records: Record) -> Planning:
    numbers = iter(range(1, 100))
    return Planning(CATALOGUE, SITE, lambda: f"new-{next(numbers)}", {record.id: Family(record) for record in records})


def run_body(**changes: Any) -> Json:
    given: Json = {
        "pipelineRunOrRecurringRunName": "first",
        "pipelineId": "new-1",
        "experimentId": "experiment",
        "flavorId": FLAVOR,
        "parameterList": [{"parameterName": "name", "parameterValue": "you"}],
    }
    return {key: value for key, value in (given | changes).items() if value is not None}


def planned(given: Json, of: Any = pipeline_run) -> list[NewRecord]:
    body = bodies.validate(of.KIND.create_body, given)
    return list(of.plan(body, planning(uploaded())))


def test_an_upload_keeps_the_documents_and_shows_the_parameters_in_their_order() -> None:
    record = uploaded(description="says hello")
    shown = pipeline.present(Family(record), Presenting(CATALOGUE, SITE))
    assert [each["parameterName"] for each in shown["pipelineParameterSpecList"]] == ["name", "count"]
    assert shown["pipelineParameterSpecList"][1] == {
        "parameterName": "count",
        "parameterType": "NUMBER_INTEGER",
        "isOptional": True,
        "defaultValue": "3",
        "description": "",
    }
    assert pipeline.stored(record.spec).spec == DOCUMENT
    assert "documents" not in shown
    assert "base64PipelineSpecManifest" not in record.spec


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("not base64!", "is not base64"),
        (encoded("a: b"), "schemaVersion is missing"),
        (encoded("apiVersion: argoproj.io/v1alpha1\nkind: Workflow"), "this is an Argo Workflow"),
        (encoded("a: &x [1]\nb: *x"), "alias"),
        (base64.b64encode(b"\xff\xfe\x00").decode(), "base64PipelineSpecManifest"),
        ("", "base64PipelineSpecManifest"),
        ("A" * (pipeline.LONGEST + 4), "base64PipelineSpecManifest"),
    ],
)
def test_a_file_that_is_no_pipeline_is_refused_with_what_it_is(manifest: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.validate(pipeline.PipelineCreate, {"pipelineName": "p", "base64PipelineSpecManifest": manifest})
    assert told in str(refused.value)
    assert len(str(refused.value)) < 3000


def test_a_run_has_its_parameters_in_their_types() -> None:
    parameters = [
        {"parameterName": "name", "parameterValue": "5"},
        {"parameterName": "count", "parameterValue": 7},
    ]
    (run,) = planned(run_body(parameterList=parameters))
    assert run.spec["arguments"] == {"name": "5", "count": 7}
    assert run.spec["parameterList"][1] == {"parameterName": "count", "parameterValue": "7"}
    assert run.links == {"pipeline": ("new-1",), "experiment": ("experiment",)}


def test_everything_that_is_wrong_with_a_run_is_told_at_once() -> None:
    parameters = [
        {"parameterName": "count", "parameterValue": "many"},
        {"parameterName": "colour", "parameterValue": "red"},
    ]
    with pytest.raises(InvalidRequest) as refused:
        planned(run_body(parameterList=parameters, flavorId="none", experimentId=None))
    for problem in (
        "flavorId: there is no flavor none",
        "experimentId: an experiment is needed",
        "parameterList: the pipeline has no parameter 'colour'",
        "parameterList: parameter count: must be a whole number",
        "parameterList: parameter name (STRING) must be given",
    ):
        assert problem in str(refused.value)


def test_a_new_experiment_is_made_with_the_run_that_names_it() -> None:
    given = run_body(experimentId=None, experimentName="nightly", experimentDescription="every night")
    run, made = planned(given)
    assert (made.kind, made.name, made.description) == ("experiment", "nightly", "every night")
    assert run.links["experiment"] == (made.id,)
    assert run.spec["experimentId"] == made.id
    body = bodies.validate(pipeline_run.PipelineRunCreate, given)
    assert pipeline_run.KIND.also_creates(body) == ("experiment",)


def test_a_body_with_a_schedule_asks_for_a_recurring_run() -> None:
    assert pipeline_run.asks_for(run_body()) is None
    assert pipeline_run.asks_for(run_body(schedulePeriodicMinutes=None)) is None
    for field in pipeline_run.SCHEDULE_FIELDS:
        assert pipeline_run.asks_for(run_body(**{field: "x"})) == "pipeline-recurring-run"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "give one of the two"),
        ({"schedulePeriodicMinutes": 5, "scheduleCronExpression": "0 0 0 * * *"}, "give one of the two"),
        ({"scheduleCronExpression": "0 0 * * *"}, "scheduleCronExpression"),
        ({"scheduleCronExpression": "0 0 0 30 2 *"}, "names no time within five years"),
        ({"schedulePeriodicMinutes": 5, "scheduleTimeZone": "Mars/Base"}, "scheduleTimeZone: time zone 'Mars/Base'"),
        ({"schedulePeriodicMinutes": 5, "scheduleEndDatetime": "2020-01-01T00:00:00Z"}, "must lie in the future"),
        ({"schedulePeriodicMinutes": 5, "scheduleStartDatetime": "tomorrow"}, "scheduleStartDatetime: must be an ISO"),
        ({"schedulePeriodicMinutes": 0}, "schedulePeriodicMinutes"),
        ({"schedulePeriodicMinutes": 5, "maxConcurrencyCount": 11}, "maxConcurrencyCount"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(changes: Json, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        planned(run_body(**changes), pipeline_recurring_run)
    assert told in str(refused.value)


def test_times_without_an_offset_are_those_of_the_schedules_zone() -> None:
    (schedule,) = planned(
        run_body(schedulePeriodicMinutes=5, scheduleTimeZone="Asia/Seoul", scheduleStartDatetime="2026-01-01T09:00:00"),
        pipeline_recurring_run,
    )
    assert schedule.spec["scheduleStartDatetime"] == "2026-01-01T00:00:00+00:00"


def test_a_schedules_run_has_its_settings_its_slot_and_its_links() -> None:
    (schedule,) = planned(run_body(schedulePeriodicMinutes=5, instanceCount=2), pipeline_recurring_run)
    record = record_of(schedule, status="ENABLED")
    at = "2026-03-01T00:05:00+00:00"
    run = pipeline_recurring_run.spawn(Family(record), Offspring("slot", {"scheduledDatetime": at}))
    assert (run.id, run.kind, run.name) == ("slot", "pipeline-run", "first 2026-03-01T00:05:00")
    assert run.spec["arguments"] == {"name": "you"}
    assert (run.spec["instanceCount"], run.spec["scheduledDatetime"]) == (2, at)
    assert run.links["pipelineRecurringRun"] == (record.id,)
    shown = pipeline_run.present(Family(record_of(run)), Presenting(CATALOGUE, SITE))
    assert shown["pipelineRecurringRun"]["pipelineRecurringRunStatusCode"] == "DELETED", "it is not in the family"
    assert shown["pipeline"] == {"pipelineId": "new-1", "pipelineName": "hello", "pipelineStatusCode": "DELETED"}
    assert not {"schedulePeriodicMinutes", "useCatchup"} & set(run.spec)


def test_a_long_name_of_a_schedule_is_no_trouble_for_its_runs() -> None:
    (schedule,) = planned(
        run_body(schedulePeriodicMinutes=5, pipelineRunOrRecurringRunName="n" * 50), pipeline_recurring_run
    )
    run = pipeline_recurring_run.spawn(
        Family(record_of(schedule)), Offspring("slot", {"scheduledDatetime": "2026-03-01T00:05:00+00:00"})
    )
    assert run.name.endswith("2026-03-01T00:05:00")


def test_starting_and_stopping_change_what_is_to_change() -> None:
    (schedule,) = planned(run_body(schedulePeriodicMinutes=5), pipeline_recurring_run)
    start, stop = pipeline_recurring_run.KIND.actions
    enabled = Family(record_of(schedule, status="ENABLED"))
    disabled = Family(record_of(schedule, status="DISABLED", goal=Goal.STOPPED))
    assert start.apply(enabled, None) == []
    assert stop.apply(disabled, None) == []
    assert [(c.goal, c.status) for c in stop.apply(enabled, None)] == [(Goal.STOPPED, "DISABLED")]
    assert [(c.goal, c.status) for c in start.apply(disabled, None)] == [(Goal.PRESENT, "ENABLED")]
    for action in (start, stop):
        with pytest.raises(Conflict, match="has not been created"):
            action.apply(Family(record_of(schedule, status="CREATE_FAILED")), None)


def test_guards_name_the_run_that_is_in_the_way() -> None:
    (schedule,) = planned(run_body(schedulePeriodicMinutes=5), pipeline_recurring_run)
    (run,) = planned(run_body())
    for status, refused in (("RUNNING", True), ("CREATE_REQUESTED", True), ("COMPLETE", False)):
        runs = {"pipeline-run": (record_of(run, status=status),)}
        family = Family(record_of(schedule, status="ENABLED"), sources=runs)
        if refused:
            with pytest.raises(Conflict, match="has a run in progress, first"):
                pipeline_recurring_run.guard_delete(family)
        else:
            pipeline_recurring_run.guard_delete(family)
    waiting = {"pipeline-run": (record_of(run, status="CREATE_IN_PROGRESS"),)}
    with pytest.raises(Conflict, match="about to be run by first"):
        pipeline.guard_delete(Family(uploaded(), sources=waiting))
    for status in ("RUNNING", "CREATE_FAILED"):
        pipeline.guard_delete(Family(uploaded(), sources={"pipeline-run": (record_of(run, status=status),)}))


def test_large_documents_are_stored_as_they_are() -> None:
    document = DOCUMENT | {"deploymentSpec": {"executors": {"exec-say": {"container": {"image": "i" * 500_000}}}}}
    record = uploaded(base64PipelineSpecManifest=encoded(json.dumps(document)))
    assert pipeline.stored(record.spec).spec == document
