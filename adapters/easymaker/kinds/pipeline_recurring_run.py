"""Recurring runs: a pipeline that is run again and again, on a schedule (guide, chapter Pipeline Recurring Run)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from adapters.easymaker.errors import Conflict, InvalidRequest
from adapters.easymaker.kinds import experiment, pipeline_run
from adapters.easymaker.kinds.actions import disable, enable
from adapters.easymaker.kinds.fields import Answer, Body, Description, Name
from adapters.easymaker.kinds.kind import Kind, Link, LinkFilter, Planning, Presenting
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.pipeline_settings import (
    PIPELINE,
    PipelineRunSettings,
    also_creates,
    experiment_of,
    references,
    resolved,
    shown,
)
from adapters.easymaker.kinds.record import Family, Json, NewRecord, Offspring
from adapters.easymaker.kinds.schedule_settings import schedule_problems, times_of

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_REQUESTED",
    up="ENABLED",
    create_failed="CREATE_FAILED",
    disabled="DISABLED",
    expired="ENABLED_EXPIRED",
    descriptions={
        "CREATE_REQUESTED": "Pipeline recurring run creation has been requested.",
        "CREATE_FAILED": "Pipeline recurring run creation failed; the reason says why. Try again.",
        "ENABLED": "The pipeline recurring run has started normally; runs are made as its schedule says.",
        "ENABLED_EXPIRED": "The pipeline recurring run started, but its end time has passed.",
        "DISABLED": "The pipeline recurring run has been stopped at the user's request.",
        "DELETE_IN_PROGRESS": "The pipeline recurring run is being deleted.",
    },
)
# Kubeflow Pipelines' own bounds.
MOST_AT_ONCE = 10
LONGEST_MINUTES = 60 * 24 * 366


class PipelineRecurringRunCreate(PipelineRunSettings):
    schedule_periodic_minutes: int | None = Field(None, ge=1, le=LONGEST_MINUTES, description="Or a cron expression")
    schedule_cron_expression: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = Field(
        None, description="Six fields, seconds first, as robfig/cron reads them; or @daily, @every 2h and the like"
    )
    schedule_time_zone: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(
        "UTC", description="Of the cron expression, and of times without an offset; such as Asia/Seoul"
    )
    schedule_start_datetime: str | None = Field(None, max_length=40, description="ISO 8601")
    schedule_end_datetime: str | None = Field(None, max_length=40, description="ISO 8601")
    max_concurrency_count: int = Field(1, ge=1, le=MOST_AT_ONCE)
    use_catchup: bool = Field(True, description="Make up for runs that were missed, as far as 100 of them")


class PipelineRecurringRunUpdate(Body):
    pipeline_recurring_run_name: Name | None = None
    description: Description | None = None


class PipelineRecurringRunAnswer(Answer):
    pipeline_recurring_run_id: str
    pipeline_recurring_run_name: str
    pipeline_recurring_run_status_code: str
    pipeline_recurring_run_status_reason: str
    pipeline: dict[str, Any]
    experiment: dict[str, Any]
    max_concurrency_count: int
    use_catchup: bool
    created_datetime: str


def plan(body: PipelineRecurringRunCreate, planning: Planning) -> Sequence[NewRecord]:
    problems = schedule_problems(body.wire(), datetime.now(UTC))
    if problems:
        raise InvalidRequest("; ".join(problems))
    spec = resolved(body, planning) | times_of(body.wire())
    experiment_id, made = experiment_of(body, planning)
    schedule = NewRecord(
        id=planning.new_id(),
        kind=KIND.name,
        name=body.pipeline_run_or_recurring_run_name,
        description=body.description or "",
        spec=spec | {"experimentId": experiment_id},
        status=LIFECYCLE.requested,
        links={"pipeline": (body.pipeline_id,), "experiment": (experiment_id,)},
    )
    return [schedule, *made]


def spawn(family: Family, offspring: Offspring) -> NewRecord:
    """One run of the schedule, with the schedule's settings."""
    record = family.record
    fields = {field.alias or name for name, field in PipelineRunSettings.model_fields.items()}
    kept = {name: value for name, value in record.spec.items() if name in fields | {"pipelineName", "arguments"}}
    at = offspring.spec.get("scheduledDatetime", "")
    return NewRecord(
        id=offspring.id,
        kind="pipeline-run",
        name=f"{record.name} {at[:19]}".strip(),
        description=record.description,
        spec=kept | {"pipelineRecurringRunId": record.id, "pipelineRecurringRunName": record.name} | offspring.spec,
        status=pipeline_run.LIFECYCLE.requested,
        links={
            "pipeline": (record.spec["pipelineId"],),
            "experiment": (record.spec["experimentId"],),
            "pipelineRecurringRun": (record.id,),
        },
    )


def present(family: Family, presenting: Presenting) -> Json:
    record = family.record
    spec, state = record.spec, record.state
    return (
        KIND.common_answer(record)
        | shown(family, presenting)
        | {
            "schedulePeriodicMinutes": spec.get("schedulePeriodicMinutes"),
            "scheduleCronExpression": spec.get("scheduleCronExpression"),
            "scheduleTimeZone": spec["scheduleTimeZone"],
            "scheduleStartDatetime": spec.get("scheduleStartDatetime"),
            "scheduleEndDatetime": spec.get("scheduleEndDatetime"),
            "maxConcurrencyCount": spec["maxConcurrencyCount"],
            "useCatchup": spec["useCatchup"],
            "lastScheduledDatetime": state.get("lastSlot"),
            "nextScheduledDatetime": state.get("nextSlot") if record.status == LIFECYCLE.up else None,
            "skippedRunCount": state.get("skippedRunCount", 0),
        }
    )


def guard_delete(family: Family) -> None:
    ended = pipeline_run.LIFECYCLE.settled
    running = [run for run in family.sources.get("pipeline-run", ()) if run.status not in ended]
    if running:
        raise Conflict(
            f"Pipeline recurring run {family.record.name} has a run in progress, {running[0].name}: "
            "stop it or wait until it has ended, then delete this"
        )


KIND = Kind(
    name="pipeline-recurring-run",
    plural="pipeline-recurring-runs",
    key="pipelineRecurringRun",
    title="Pipeline recurring run",
    lifecycle=LIFECYCLE,
    create_body=PipelineRecurringRunCreate,
    update_body=PipelineRecurringRunUpdate,
    answer=PipelineRecurringRunAnswer,
    plan=plan,
    present=present,
    references=references,
    also_creates=also_creates,
    guard_delete=guard_delete,
    name_field="pipelineRecurringRunName",
    create_name_field="pipelineRunOrRecurringRunName",
    links=(Link("pipeline", "pipeline", PIPELINE.ready, PIPELINE.pending, blocks_delete=True), experiment.MEMBERSHIP),
    filters=(LinkFilter("pipelineId", "pipeline"), LinkFilter("experimentId", "experiment")),
    follows=("pipeline-run",),
    spawn=spawn,
    copyable=True,
    actions=(
        enable(LIFECYCLE, "Pipeline recurring run"),
        disable(LIFECYCLE, "Pipeline recurring run"),
    ),
    example={
        "pipelineRunOrRecurringRunName": "every night",
        "pipelineId": "5d0c…",
        "experimentId": "0f8e…",
        "flavorId": "68ce…",
        "instanceCount": 1,
        "bootStorageSize": 50,
        "scheduleCronExpression": "0 0 3 * * *",
        "scheduleTimeZone": "Asia/Seoul",
        "maxConcurrencyCount": 1,
        "useCatchup": True,
    },
)
