"""Pipeline runs: one execution of a pipeline (guide, chapter Run a Pipeline)."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.easymaker.kinds import experiment
from adapters.easymaker.kinds.actions import stop
from adapters.easymaker.kinds.fields import Answer, Body, Description, Name
from adapters.easymaker.kinds.kind import (
    Download,
    Kind,
    Link,
    LinkFilter,
    Planning,
    Presenting,
    QueryParameter,
    Report,
)
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
from adapters.easymaker.kinds.record import Family, Json, NewRecord
from adapters.easymaker.kinds.run_answers import elapsed_seconds, moment

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="RUNNING",
    create_failed="CREATE_FAILED",
    completing="COMPLETE_IN_PROGRESS",
    complete="COMPLETE",
    failing="FAIL_PIPELINE_RUN_IN_PROGRESS",
    failed="FAIL_PIPELINE_RUN",
    stopping="STOP_IN_PROGRESS",
    stopped="STOPPED",
    descriptions={
        "CREATE_REQUESTED": "Pipeline execution creation is requested.",
        "CREATE_IN_PROGRESS": "The pipeline run is being created.",
        "CREATE_FAILED": "The pipeline run could not be created; the reason says why. Try again.",
        "RUNNING": "The pipeline's steps are running.",
        "COMPLETE_IN_PROGRESS": "The run ended well and its resources are being cleaned up.",
        "COMPLETE": "The pipeline run has completed successfully.",
        "STOP_IN_PROGRESS": "The pipeline run is being stopped.",
        "STOPPED": "The pipeline run was stopped at the user's request.",
        "FAIL_PIPELINE_RUN_IN_PROGRESS": "The run failed and its resources are being cleaned up.",
        "FAIL_PIPELINE_RUN": "The pipeline run failed; its reason names the step, whose log has the details.",
        "DELETE_IN_PROGRESS": "The pipeline run is being deleted.",
    },
)
SCHEDULE = Link("pipelineRecurringRun", "pipeline-recurring-run", passing=True)
# What only a schedule has: a body with one of these asks for one.
SCHEDULE_FIELDS = ("schedulePeriodicMinutes", "scheduleCronExpression", "scheduleStartDatetime", "scheduleEndDatetime")


class PipelineRunCreate(PipelineRunSettings):
    pass


class PipelineRunUpdate(Body):
    pipeline_run_name: Name | None = None
    description: Description | None = None


class PipelineRunAnswer(Answer):
    pipeline_run_id: str
    pipeline_run_name: str
    pipeline_run_status_code: str
    pipeline_run_status_reason: str
    pipeline: dict[str, Any]
    experiment: dict[str, Any]
    elapsed_time_seconds: int
    created_datetime: str


def asks_for(given: Mapping[str, Any]) -> str | None:
    return "pipeline-recurring-run" if any(given.get(field) is not None for field in SCHEDULE_FIELDS) else None


def plan(body: PipelineRunCreate, planning: Planning) -> Sequence[NewRecord]:
    spec = resolved(body, planning)
    experiment_id, made = experiment_of(body, planning)
    run = NewRecord(
        id=planning.new_id(),
        kind=KIND.name,
        name=body.pipeline_run_or_recurring_run_name,
        description=body.description or "",
        spec=spec | {"experimentId": experiment_id},
        status=LIFECYCLE.requested,
        links={"pipeline": (body.pipeline_id,), "experiment": (experiment_id,)},
    )
    return [run, *made]


def present(family: Family, presenting: Presenting) -> Json:
    record = family.record
    started, finished = record.state.get("startedAt"), record.state.get("finishedAt")
    return (
        KIND.common_answer(record)
        | shown(family, presenting)
        | {
            "pipelineRecurringRun": _schedule(family),
            "scheduledDatetime": record.spec.get("scheduledDatetime"),
            "elapsedTimeSeconds": elapsed_seconds(record.state),
            "startedDatetime": moment(started),
            "finishedDatetime": moment(finished),
            "artifactsExpired": record.state.get("artifactsExpired", False),
            "limits": record.state.get("limits"),
        }
    )


def _schedule(family: Family) -> Json | None:
    schedule = family.ref("pipelineRecurringRun")
    if schedule is not None:
        return {
            "pipelineRecurringRunId": schedule.id,
            "pipelineRecurringRunName": schedule.name,
            "pipelineRecurringRunStatusCode": schedule.status,
        }
    spec = family.record.spec
    if "pipelineRecurringRunId" not in spec:
        return None
    return {
        "pipelineRecurringRunId": spec["pipelineRecurringRunId"],
        "pipelineRecurringRunName": spec["pipelineRecurringRunName"],
        "pipelineRecurringRunStatusCode": "DELETED",
    }


NODE = QueryParameter("nodeId", "A node of the run's graph")
REPORTS = (
    Report(
        path="graph",
        key="graph",
        summary=(
            "The run's graph: each node with its state, start, end, inputs, outputs and artifacts; "
            "an edge for each dependency"
        ),
        query=(QueryParameter("nodeId", "Only this node"),),
        example={
            "nodes": [{"id": "train", "name": "train", "kind": "TASK", "state": "SUCCEEDED"}],
            "edges": [{"from": "download", "to": "train"}],
        },
    ),
)
ARTIFACTS = Download(
    path="artifacts",
    summary="An artifact that a node has made: a file as it is, a folder as a tar archive",
    query=(NODE, QueryParameter("artifactName", "The output's name, as the graph has it")),
)

KIND = Kind(
    name="pipeline-run",
    plural="pipeline-runs",
    key="pipelineRun",
    title="Pipeline run",
    lifecycle=LIFECYCLE,
    create_body=PipelineRunCreate,
    update_body=PipelineRunUpdate,
    answer=PipelineRunAnswer,
    plan=plan,
    present=present,
    references=references,
    also_creates=also_creates,
    may_ask_for=("pipeline-recurring-run",),
    asks_for=asks_for,
    name_field="pipelineRunName",
    create_name_field="pipelineRunOrRecurringRunName",
    links=(PIPELINE, experiment.MEMBERSHIP, SCHEDULE),
    filters=(
        LinkFilter("pipelineId", "pipeline"),
        LinkFilter("experimentId", "experiment"),
        LinkFilter("pipelineRecurringRunId", "pipelineRecurringRun"),
    ),
    reports=REPORTS,
    downloads=(ARTIFACTS,),
    is_parent=True,
    copyable=True,
    actions=(stop(LIFECYCLE, "Pipeline run"),),
    has_logs=True,
    log_part=NODE,
    example={
        "pipelineRunOrRecurringRunName": "first try",
        "pipelineId": "5d0c…",
        "experimentId": "0f8e…",
        "parameterList": [{"parameterName": "epochs", "parameterValue": "10"}],
        "flavorId": "68ce…",
        "instanceCount": 1,
        "bootStorageSize": 50,
        "nasList": [{"mountDirName": "data", "nasUri": "nas://data:/iris"}],
    },
)
