"""Pipelines: workflows compiled by the KFP SDK, uploaded to be run (guide, chapter Pipeline)."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from adapters.easymaker.errors import Conflict
from adapters.easymaker.kinds.actions import retry
from adapters.easymaker.kinds.fields import Answer, Body, CreateBody, Description, Name
from adapters.easymaker.kinds.kind import Kind, Planning, Presenting, Report
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord
from adapters.easymaker.pipelines import documents, parameters
from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.reading import read

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="ACTIVE",
    create_failed="CREATE_FAILED",
    retry=True,
    descriptions={
        "CREATE_REQUESTED": "Pipeline creation has been requested.",
        "CREATE_IN_PROGRESS": "The pipeline is being checked and stored.",
        "CREATE_FAILED": "The engine does not take the pipeline; the reason says why. Try again.",
        "ACTIVE": "The pipeline was created; it can be run.",
        "DELETE_IN_PROGRESS": "The pipeline is being deleted.",
    },
)
READY = frozenset({LIFECYCLE.up})
PENDING = frozenset({LIFECYCLE.requested, LIFECYCLE.creating})
# A document of the largest size that is taken, in base64.
LONGEST = documents.SIZE_LIMIT * 4 // 3 + 4


class PipelineCreate(CreateBody):
    pipeline_name: Name
    base64_pipeline_spec_manifest: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)] = Field(
        description="The compiled pipeline (IR YAML, of one or two documents) in base64"
    )
    _pipeline: Pipeline | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _readable(self) -> "PipelineCreate":
        """Here and not in ``plan``: reading YAML takes its time, and no transaction should wait for it."""
        try:
            text = base64.b64decode(self.base64_pipeline_spec_manifest, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("base64PipelineSpecManifest: is not base64; encode the compiled YAML file") from None
        try:
            pipeline = documents.load(text)
            parameters.parameters(read(pipeline))
        except InvalidPipeline as error:
            raise ValueError(f"base64PipelineSpecManifest: {error}") from None
        self._pipeline = pipeline
        return self

    @property
    def pipeline(self) -> Pipeline:
        assert self._pipeline is not None
        return self._pipeline


class PipelineUpdate(Body):
    pipeline_name: Name | None = None
    description: Description | None = None


class PipelineAnswer(Answer):
    pipeline_id: str
    pipeline_name: str
    pipeline_status_code: str
    pipeline_status_reason: str
    pipeline_parameter_spec_list: list[dict[str, Any]]
    created_datetime: str


def plan(body: PipelineCreate, planning: Planning) -> Sequence[NewRecord]:
    pipeline = body.pipeline
    return [
        NewRecord(
            id=planning.new_id(),
            kind=KIND.name,
            name=body.pipeline_name,
            description=body.description or "",
            spec=body.model_dump(
                mode="json", by_alias=True, exclude_none=True, exclude={"base64_pipeline_spec_manifest"}
            )
            | {
                # As text, which keeps the document's order: that of its parameters is shown.
                "documents": json.dumps([pipeline.spec, pipeline.platforms], ensure_ascii=False),
                "specificationName": pipeline.name,
                "pipelineParameterSpecList": [_shown(each) for each in parameters.parameters(read(pipeline))],
            },
            status=LIFECYCLE.requested,
        )
    ]


def stored(spec: Json) -> Pipeline:
    """The pipeline of a record."""
    first, second = json.loads(spec["documents"])
    return Pipeline(first, second, spec["specificationName"], str(first.get("sdkVersion", "")))


def _shown(parameter: parameters.Parameter) -> Json:
    return {
        "parameterName": parameter.name,
        "parameterType": parameter.type,
        "isOptional": parameter.is_optional,
        "defaultValue": parameter.default_text,
        "description": parameter.description,
    }


def summary(family: Family, snapshot: Json) -> Json:
    """A pipeline inside another answer: as it is, or as it was when it is deleted."""
    pipeline = family.ref("pipeline")
    if pipeline is None:
        return {"pipelineId": snapshot.get("pipelineId"), "pipelineName": snapshot.get("pipelineName")} | {
            "pipelineStatusCode": "DELETED"
        }
    return {
        "pipelineId": pipeline.id,
        "pipelineName": pipeline.name,
        "pipelineStatusCode": pipeline.status,
        "description": pipeline.description,
        "pipelineParameterSpecList": pipeline.spec["pipelineParameterSpecList"],
        "appKey": pipeline.appkey,
        "createdDatetime": pipeline.created_at.isoformat(),
    }


def present(family: Family, presenting: Presenting) -> Json:
    return KIND.common_answer(family.record) | {
        "pipelineParameterSpecList": family.record.spec["pipelineParameterSpecList"],
        "specificationName": family.record.spec["specificationName"],
    }


def guard_delete(family: Family) -> None:
    """A run, whose first statuses have the same words, reads its pipeline when it begins, and not again."""
    record = family.record
    if record.status in PENDING:
        raise Conflict(f"Pipeline {record.name} is {record.status}: wait until it has been created, then delete it")
    waiting = [run for run in family.sources.get("pipeline-run", ()) if run.status in PENDING]
    if waiting:
        raise Conflict(f"Pipeline {record.name} is about to be run by {waiting[0].name}: wait until it runs")


REPORTS = (
    Report(
        path="graph",
        key="graph",
        summary="The pipeline's graph: a node for each step and group of steps, an edge for each dependency",
        example={"nodes": [{"id": "train", "name": "train", "kind": "TASK"}], "edges": [{"from": "a", "to": "train"}]},
    ),
    Report(
        path="manifest",
        key="manifest",
        summary="The uploaded pipeline: its specification and, where it has one, its platform settings",
        example={"pipelineSpec": {"pipelineInfo": {"name": "my-pipeline"}}, "platformSpec": None},
    ),
)

KIND = Kind(
    name="pipeline",
    plural="pipelines",
    key="pipeline",
    title="Pipeline",
    lifecycle=LIFECYCLE,
    create_body=PipelineCreate,
    update_body=PipelineUpdate,
    answer=PipelineAnswer,
    plan=plan,
    present=present,
    guard_delete=guard_delete,
    name_field="pipelineName",
    create_path="/upload",
    follows=("pipeline-run",),
    reports=REPORTS,
    actions=(retry(LIFECYCLE, "Pipeline"),),
    example={"pipelineName": "train and deploy", "base64PipelineSpecManifest": "UGlwZWxpbmVJbmZvOi…"},
)
