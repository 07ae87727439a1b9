"""Endpoint stages: deployments of one endpoint behind a URL each (guide, Create Endpoint Stage)."""

from collections.abc import Sequence

from adapters.easymaker.errors import Conflict
from adapters.easymaker.kinds import deployment
from adapters.easymaker.kinds.endpoint_model import present_resource, stage_url
from adapters.easymaker.kinds.fields import Answer, Body, Description, Id, StageName
from adapters.easymaker.kinds.kind import Kind, Link, LinkFilter, Planning, Presenting, Reference, Report
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Goal, Json, NewRecord, Record

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="ACTIVE",
    create_failed="CREATE_FAILED",
    updating="DEPLOY_IN_PROGRESS",
    update_failed="DEPLOY_FAILED",
    descriptions={
        "CREATE_REQUESTED": "Creating the endpoint stage is requested.",
        "CREATE_IN_PROGRESS": "The endpoint stage is being created.",
        "DEPLOY_IN_PROGRESS": "Models are being deployed to the endpoint stage.",
        "DELETE_IN_PROGRESS": "The endpoint stage is being deleted.",
        "ACTIVE": "The endpoint stage answers.",
        "CREATE_FAILED": "The endpoint stage could not be created.",
        "DEPLOY_FAILED": "A model could not be deployed to the endpoint stage.",
    },
)

GATEWAY_STATUS = {
    "CREATE_REQUESTED": "CREATE_IN_PROGRESS",
    "CREATE_IN_PROGRESS": "CREATE_IN_PROGRESS",
    "DEPLOY_IN_PROGRESS": "STAGE_DEPLOYING",
    "ACTIVE": "ACTIVE",
    "CREATE_FAILED": "STAGE_DEPLOY_FAIL",
    "DEPLOY_FAILED": "STAGE_DEPLOY_FAIL",
}
LIVE_ENDPOINT = frozenset({"CREATE_REQUESTED", "CREATE_IN_PROGRESS", "ACTIVE", "UPDATE_IN_PROGRESS", "UPDATE_FAILED"})


class EndpointStageCreate(deployment.Deployment):
    endpoint_id: Id
    apigw_stage_name: StageName


class EndpointStageUpdate(Body):
    description: Description | None = None


class EndpointStageAnswer(Answer):
    endpoint_stage_id: str
    endpoint_stage_name: str
    endpoint_stage_status_code: str
    endpoint_id: str
    apigw_stage_url: str
    deploy_status: str
    is_default_stage: bool
    node_count: int
    pod_count: int


def references(body: EndpointStageCreate) -> Sequence[Reference]:
    endpoint = Reference("endpoint", "endpoint", body.endpoint_id, "endpointId")
    return [endpoint, *deployment.references(body.endpoint_model_resource_list)]


def new_stage(stage_id: str, endpoint_id: str, name: str, body: deployment.Deployment) -> NewRecord:
    return NewRecord(
        id=stage_id,
        kind=KIND.name,
        name=name,
        description=body.description or "",
        spec=deployment.stage_spec(body) | {"endpointId": endpoint_id, "apigwStageName": name},
        status=LIFECYCLE.requested,
        links={"endpoint": (endpoint_id,)},
        unique_key=f"{endpoint_id}/{name}",
    )


def plan(body: EndpointStageCreate, planning: Planning) -> Sequence[NewRecord]:
    deployment.check(body, planning)
    stage = new_stage(planning.new_id(), body.endpoint_id, body.apigw_stage_name, body)
    parents = (stage.id, body.endpoint_id, stage.spec)
    return [stage, *deployment.plan_resources(body.endpoint_model_resource_list, parents, (), planning)]


def is_default(record: Record, endpoint: Record | None) -> bool:
    return endpoint is not None and endpoint.spec.get("defaultStageId") == record.id


def gateway_status(record: Record) -> str:
    return str(record.state.get("gatewayStatus") or GATEWAY_STATUS.get(record.status, "NOT_FOUND_STAGE"))


def guard_delete(family: Family) -> None:
    endpoint = family.ref("endpoint")
    if is_default(family.record, endpoint) and endpoint is not None and endpoint.goal is not Goal.ABSENT:
        raise Conflict(
            f"stage {family.record.name} is the default stage of {endpoint.name}: change the default stage first, "
            "or delete the endpoint"
        )


def present(family: Family, presenting: Presenting) -> Json:
    record, spec = family.record, family.record.spec
    flavor = presenting.catalogue.flavors_by_id.get(spec["flavorId"])
    resources = family.sources.get("endpoint-model", ())
    return KIND.common_answer(record) | {
        "endpointId": spec["endpointId"],
        "apigwStageId": record.id,
        "apigwStageName": record.name,
        "apigwStageUrl": stage_url(spec["endpointId"], record.name, presenting.site),
        "deployStatus": gateway_status(record),
        "isDefaultStage": is_default(record, family.ref("endpoint")),
        "isActiveNodeGroupStatus": record.status == LIFECYCLE.up,
        "isClusterLatest": True,
        "flavor": flavor.model_dump(by_alias=True, mode="json") if flavor else None,
        "nodeCount": spec.get("nodeCount", 1),
        "podCount": sum(int(r.spec["podCount"]) for r in resources),
        "useLog": spec.get("useLog", False),
        "autoScaler": {
            "enable": spec.get("caEnable", False),
            "minNodeCount": spec.get("caMinNodeCount", 1),
            "maxNodeCount": spec.get("caMaxNodeCount", 10),
            "scaleDownEnable": spec.get("caScaleDownEnable", True),
            "scaleDownUtilThreshPercentage": spec.get("caScaleDownUtilThresh", 50),
            "scaleDownUnneededMinute": spec.get("caScaleDownUnneededTime", 10),
            "scaleDownDelayAfterAddMinute": spec.get("caScaleDownDelayAfterAdd", 10),
        },
        "endpointModelList": [present_resource(r, record, presenting) for r in resources],
    }


KIND = Kind(
    name="endpoint-stage",
    plural="endpoint-stages",
    key="endpointStage",
    title="Endpoint stage",
    lifecycle=LIFECYCLE,
    create_body=EndpointStageCreate,
    update_body=EndpointStageUpdate,
    answer=EndpointStageAnswer,
    plan=plan,
    present=present,
    references=references,
    guard_delete=guard_delete,
    name_field="endpointStageName",
    links=(
        Link("endpoint", "endpoint", ready=LIVE_ENDPOINT, owner=True),
        Link("model", "model", ready=frozenset({"ACTIVE"})),
    ),
    filters=(LinkFilter("endpointId", "endpoint", required=True),),
    shows_sources=("endpoint-model",),
    rollup="endpoint-model",
    reports=(
        Report(
            path="api-statistics",
            key="apiStatistics",
            summary="Requests that the gateway sent to each stage resource, and their sum",
            example={
                "total": {"total": 12, "status2xx": 10, "status4xx": 2, "status5xx": 0},
                "resources": [{"endpointModelId": "9a7c…", "total": 12}],
            },
        ),
        Report(
            path="gateway-settings",
            key="gatewaySettings",
            summary="What is deployed to the gateway for this stage",
            example={"stageUrl": "127.0.0.1:10443/…/stages/default", "routes": ["/v1/models/iris/predict"]},
        ),
    ),
    example={
        "endpointId": "51c2…",
        "apigwStageName": "green",
        "flavorId": "68ce…",
        "nodeCount": 1,
        "endpointModelResourceList": [{"modelId": "a2b4…"}],
    },
)
