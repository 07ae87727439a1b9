"""Stage resources: a model deployed to an endpoint stage (guide, Create Stage Resource). The SDK's EndpointModel."""

from collections.abc import Sequence

from adapters.easymaker.kinds import deployment
from adapters.easymaker.kinds.fields import Answer, Body, Description, Id
from adapters.easymaker.kinds.kind import Kind, Link, LinkFilter, Planning, Presenting, Reference, Report, Site
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord, Record

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="ACTIVE",
    create_failed="CREATE_FAILED",
    updating="CREATE_IN_PROGRESS",
    update_failed="CREATE_FAILED",
    descriptions={
        "CREATE_REQUESTED": "Creating the stage resource is requested.",
        "CREATE_IN_PROGRESS": "The stage resource's model servers are starting, or starting again.",
        "DELETE_IN_PROGRESS": "The stage resource is being deleted.",
        "ACTIVE": "The stage resource is deployed and answers.",
        "CREATE_FAILED": "The stage resource could not be created; delete it and create another.",
    },
)

LIVE_STAGE = frozenset(
    {"CREATE_REQUESTED", "CREATE_IN_PROGRESS", "DEPLOY_IN_PROGRESS", "ACTIVE", "DEPLOY_FAILED", "CREATE_FAILED"}
)


class EndpointModelCreate(deployment.ModelResource):
    endpoint_stage_id: Id


class EndpointModelUpdate(Body):
    description: Description | None = None


class EndpointModelAnswer(Answer):
    endpoint_model_id: str
    endpoint_model_status_code: str
    endpoint_stage_id: str
    model_id: str
    pod_count: int
    running_pod_count: int
    apigw_endpoint_uri: str


def references(body: EndpointModelCreate) -> Sequence[Reference]:
    return [
        Reference("stage", "endpoint-stage", body.endpoint_stage_id, "endpointStageId"),
        Reference("model", "model", body.model_id, "modelId"),
    ]


def plan(body: EndpointModelCreate, planning: Planning) -> Sequence[NewRecord]:
    family = planning.family(body.endpoint_stage_id)
    stage = family.record
    resource = deployment.ModelResource.model_validate({k: v for k, v in body.wire().items() if k != "endpointStageId"})
    parents = (stage.id, str(stage.spec["endpointId"]), stage.spec)
    return deployment.plan_resources([resource], parents, family.sources.get(KIND.name, ()), planning)


def stage_url(endpoint_id: str, stage_name: str, site: Site) -> str:
    return f"{site.gateway_host}/{endpoint_id}/stages/{stage_name}"


def present_resource(record: Record, stage: Record | None, presenting: Presenting) -> Json:
    spec = record.spec
    url = stage_url(spec["endpointId"], stage.name if stage else "", presenting.site)
    path = spec.get("apigwResourceUri")
    shown = {
        name: spec.get(name)
        for name in ("podAutoScaleEnable", "scaleMetricCode", "scaleMetricTarget", "resourceOptionDetail")
    }
    return (
        KIND.common_answer(record)
        | shown
        | {
            "endpointId": spec["endpointId"],
            "endpointStageId": spec["endpointStageId"],
            "modelId": spec["modelId"],
            "model": {
                "modelId": spec["modelId"],
                "modelName": spec["modelName"],
                "modelFormatCode": spec["modelFormatCode"],
                "modelStatusCode": "ACTIVE",
            },
            "stage": {
                "stageId": spec["endpointStageId"],
                "deployStatus": stage.status if stage else None,
                "stageUrl": url,
            },
            "resourceQuota": spec["share"],
            "podCount": spec["podCount"],
            "runningPodCount": int(record.state.get("readyPods", 0)),
            "apigwResourceUri": path,
            "apigwEndpointUri": f"https://{url}{path or f'/v1/models/{record.name}/predict'}",
        }
    )


def present(family: Family, presenting: Presenting) -> Json:
    return present_resource(family.record, family.ref("stage"), presenting)


KIND = Kind(
    name="endpoint-model",
    plural="endpoint-models",
    key="endpointModel",
    title="Stage resource",
    lifecycle=LIFECYCLE,
    create_body=EndpointModelCreate,
    update_body=EndpointModelUpdate,
    answer=EndpointModelAnswer,
    plan=plan,
    present=present,
    references=references,
    links=(
        Link("stage", "endpoint-stage", ready=LIVE_STAGE, owner=True),
        Link("model", "model", ready=frozenset({"ACTIVE"}), blocks_delete=True),
    ),
    filters=(LinkFilter("endpointStageId", "stage", required=True), LinkFilter("modelId", "model")),
    reports=(
        Report(
            path="api-statistics",
            key="apiStatistics",
            summary="Requests that the gateway sent to this stage resource",
            example={"total": 12, "status2xx": 10, "status4xx": 2, "status5xx": 0},
        ),
    ),
    has_logs=True,
    example={"endpointStageId": "3c1d…", "modelId": "a2b4…", "podCount": 1, "apigwResourceUri": "/inference"},
)
