"""Endpoints serve models over HTTPS, through a default stage and further ones (guide, chapter Endpoint)."""

from collections.abc import Sequence
from typing import Any

from adapters.easymaker.errors import Conflict
from adapters.easymaker.kinds import deployment, endpoint_stage
from adapters.easymaker.kinds.fields import Answer, Body, Description, Id, Name
from adapters.easymaker.kinds.kind import Action, Change, Kind, Link, Planning, Presenting, Reference
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Goal, Json, NewRecord

DEFAULT_STAGE = "default"

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="ACTIVE",
    create_failed="CREATE_FAILED",
    updating="UPDATE_IN_PROGRESS",
    update_failed="UPDATE_FAILED",
    descriptions={
        "CREATE_REQUESTED": "Endpoint creation is requested.",
        "CREATE_IN_PROGRESS": "Endpoint creation is in progress.",
        "UPDATE_IN_PROGRESS": "Some of the endpoint's stages have tasks in progress.",
        "DELETE_IN_PROGRESS": "Endpoint deletion is in progress.",
        "ACTIVE": "The endpoint is in normal operation.",
        "CREATE_FAILED": "Endpoint creation has failed; delete it and create another.",
        "UPDATE_FAILED": "Some stages are not served properly; delete and create those again.",
    },
)


class EndpointCreate(deployment.Deployment):
    endpoint_name: Name


class EndpointUpdate(Body):
    endpoint_name: Name | None = None
    description: Description | None = None


class DefaultStageChange(Body):
    endpoint_stage_id: Id


class EndpointAnswer(Answer):
    endpoint_id: str
    endpoint_name: str
    endpoint_status_code: str
    default_stage_url: str
    apigw_status_code: str


def references(body: EndpointCreate) -> Sequence[Reference]:
    return deployment.references(body.endpoint_model_resource_list)


def plan(body: EndpointCreate, planning: Planning) -> Sequence[NewRecord]:
    deployment.check(body, planning)
    endpoint_id, stage_id = planning.new_id(), planning.new_id()
    stage = endpoint_stage.new_stage(stage_id, endpoint_id, DEFAULT_STAGE, body)
    endpoint = NewRecord(
        id=endpoint_id,
        kind=KIND.name,
        name=body.endpoint_name,
        description=body.description or "",
        spec={"endpointName": body.endpoint_name, "defaultStageId": stage_id},
        status=LIFECYCLE.requested,
        unique_key=body.endpoint_name,
    )
    parents = (stage_id, endpoint_id, stage.spec)
    return [
        endpoint,
        stage,
        *deployment.plan_resources(body.endpoint_model_resource_list, parents, (), planning),
    ]


def guard_delete(family: Family) -> None:
    default = family.record.spec.get("defaultStageId")
    others = [s.name for s in family.sources.get("endpoint-stage", ()) if s.id != default]
    if others:
        raise Conflict(
            f"endpoint {family.record.name} has other stages than the default one ({', '.join(sorted(others)[:5])}): "
            "delete those first"
        )


def change_default_stage(family: Family, body: Any) -> Sequence[Change]:
    """The new stage takes over; the old default stage and its resources are deleted (guide)."""
    record = family.record
    stages = {s.id: s for s in family.sources.get("endpoint-stage", ())}
    new = stages.get(body.endpoint_stage_id)
    old_id = str(record.spec.get("defaultStageId"))
    if new is None:
        raise Conflict(f"endpointStageId: {body.endpoint_stage_id} is no stage of endpoint {record.name}")
    if new.id == old_id:
        return []
    if new.status != endpoint_stage.LIFECYCLE.up:
        raise Conflict(f"stage {new.name} is {new.status}: only an ACTIVE stage can become the default one")
    changes = [Change(record.id, spec={"defaultStageId": new.id}, reason=f"default stage changed to {new.name}")]
    if old_id in stages:
        changes.append(Change(old_id, goal=Goal.ABSENT, reason=f"replaced as default stage by {new.name}"))
    return changes


def present(family: Family, presenting: Presenting) -> Json:
    record = family.record
    stages = family.sources.get("endpoint-stage", ())
    default = next((s for s in stages if s.id == record.spec.get("defaultStageId")), None)
    return KIND.common_answer(record) | {
        "defaultStageUrl": f"{presenting.site.gateway_host}/{record.id}/default",
        "apigwServiceId": record.id,
        "apigwAppKey": record.appkey,
        "apigwRegion": presenting.site.region,
        "apigwStatusCode": endpoint_stage.gateway_status(default) if default else "NOT_FOUND_STAGE",
        "endpointStageList": [
            {
                "endpointStageId": stage.id,
                "endpointStageName": stage.name,
                "endpointStageStatusCode": stage.status,
                "endpointId": record.id,
                "isDefaultStage": default is not None and stage.id == default.id,
            }
            for stage in stages
        ],
    }


KIND = Kind(
    name="endpoint",
    plural="endpoints",
    key="endpoint",
    title="Endpoint",
    lifecycle=LIFECYCLE,
    create_body=EndpointCreate,
    update_body=EndpointUpdate,
    answer=EndpointAnswer,
    plan=plan,
    present=present,
    references=references,
    guard_delete=guard_delete,
    name_field="endpointName",
    unique_by_name=True,
    links=(Link("model", "model", ready=frozenset({"ACTIVE"})),),
    shows_sources=("endpoint-stage",),
    rollup="endpoint-stage",
    actions=(
        Action(
            path="default-stage",
            summary="Make another ACTIVE stage the default one; the old default stage is deleted",
            apply=change_default_stage,
            body=DefaultStageChange,
            references=lambda body: [
                Reference("stage", endpoint_stage.KIND.name, body.endpoint_stage_id, "endpointStageId")
            ],
            example={"endpointStageId": "3c1d…"},
        ),
    ),
    example={
        "endpointName": "iris",
        "flavorId": "68ce…",
        "nodeCount": 1,
        "endpointModelResourceList": [{"modelId": "a2b4…", "apigwResourceUri": "/inference"}],
    },
)
