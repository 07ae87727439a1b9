"""What an endpoint and an endpoint stage are created from: instances, autoscaling and the models to deploy."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import Field

from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds.fields import Body, CreateBody, Description, Id, Quantity, ResourcePath, ScaleMetric
from adapters.easymaker.kinds.kind import Planning, Reference
from adapters.easymaker.kinds.quantity import Share, Wish, split
from adapters.easymaker.kinds.record import Json, NewRecord, Record
from kserve_runtimes.oip.routes import resource_path_problem

SERVABLE = "ACTIVE"


class ResourceOptionDetail(Body):
    cpu: Quantity | None = None
    memory: Quantity | None = None
    gpu: Annotated[str, Field(pattern=r"^[0-9]{1,2}$")] | None = None


class ModelResource(Body):
    """A model to deploy, with its quota per pod: quantities, or a percentage of the instance, or an equal share."""

    model_id: Id
    apigw_resource_uri: ResourcePath | None = Field(None, description="API Gateway resource path, such as /inference")
    resource_option_detail: ResourceOptionDetail | None = None
    resource_allocation_percent: int | None = Field(None, ge=1, le=100)
    pod_count: int = Field(1, ge=1, le=100)
    pod_auto_scale_enable: bool = False
    scale_metric_code: ScaleMetric | None = None
    scale_metric_target: int | None = Field(None, ge=1, le=100)
    description: Description | None = None

    def wish(self, label: str) -> Wish:
        detail = self.resource_option_detail or ResourceOptionDetail()
        percent = self.resource_allocation_percent
        return Wish(label, detail.cpu, detail.memory, detail.gpu, percent, self.pod_count)


class Deployment(CreateBody):
    """Node counts are instances; times are minutes; the threshold is a percentage."""

    flavor_id: Id
    node_count: int = Field(1, ge=1, le=10)
    endpoint_model_resource_list: Annotated[list[ModelResource], Field(min_length=1, max_length=20)]
    ca_enable: bool = False
    ca_min_node_count: int = Field(1, ge=1, le=10)
    ca_max_node_count: int = Field(10, ge=1, le=10)
    ca_scale_down_enable: bool = True
    ca_scale_down_util_thresh: int = Field(50, ge=1, le=100)
    ca_scale_down_unneeded_time: int = Field(10, ge=1, le=1440)
    ca_scale_down_delay_after_add: int = Field(10, ge=1, le=1440)
    use_log: bool = False


def references(resources: Iterable[ModelResource]) -> list[Reference]:
    return [Reference("model", "model", r.model_id, "endpointModelResourceList.modelId") for r in resources]


def check(body: Deployment, planning: Planning) -> None:
    """Raises InvalidRequest when instances and autoscaling do not go together."""
    if body.flavor_id not in planning.catalogue.flavors_by_id:
        raise InvalidRequest(f"flavorId: there is no flavor {body.flavor_id}; GET /flavors lists them")
    if body.ca_min_node_count > body.ca_max_node_count:
        raise InvalidRequest("caMinNodeCount: is more than caMaxNodeCount")
    if body.ca_enable and not body.ca_min_node_count <= body.node_count <= body.ca_max_node_count:
        raise InvalidRequest("nodeCount: must lie between caMinNodeCount and caMaxNodeCount when caEnable is true")


def share_of(record: Record) -> Share:
    share: Json = record.spec["share"]
    return Share(int(share["cpuMilli"]), int(share["memoryMib"]), int(share["gpu"]), int(record.spec["podCount"]))


def stage_spec(body: Deployment) -> Json:
    return {k: v for k, v in body.wire().items() if k not in ("endpointModelResourceList", "endpointName")}


def plan_resources(
    resources: Sequence[ModelResource], stage: tuple[str, str, Json], siblings: Sequence[Record], planning: Planning
) -> list[NewRecord]:
    """The stage resources of one stage, given as (stage id, endpoint id, stage spec).

    Raises:
        InvalidRequest: two models or two paths collide, or the quotas do not fit the stage's instances.
    """
    stage_id, endpoint_id, spec = stage
    flavor = planning.catalogue.flavors_by_id[spec["flavorId"]]
    wishes = [r.wish(f"endpointModelResourceList[{i}]") for i, r in enumerate(resources)]
    shares = split(flavor, int(spec.get("nodeCount", 1)), [share_of(s) for s in siblings], wishes)
    names = {s.spec["modelName"]: s.spec["modelId"] for s in siblings}
    paths = {s.spec["apigwResourceUri"]: s.spec["modelId"] for s in siblings if s.spec.get("apigwResourceUri")}
    planned: list[NewRecord] = []
    for resource, share in zip(resources, shares, strict=True):
        model = planning.family(resource.model_id).record
        if resource.scale_metric_target is not None and not resource.pod_auto_scale_enable:
            raise InvalidRequest("scaleMetricTarget: only with podAutoScaleEnable")
        if names.setdefault(model.name, model.id) != model.id:
            raise InvalidRequest(f"modelId: another model named {model.name} is deployed to this stage")
        path = resource.apigw_resource_uri
        if path and (problem := resource_path_problem(path, [model.name])):
            raise InvalidRequest(f"apigwResourceUri: {problem}")
        if path and paths.setdefault(path, model.id) != model.id:
            raise InvalidRequest(f"apigwResourceUri: {path} leads to another model of this stage")
        planned.append(_resource(planning.new_id(), resource, share, model, (stage_id, endpoint_id)))
    return planned


def _resource(
    resource_id: str, body: ModelResource, share: Share, model: Record, parents: tuple[str, str]
) -> NewRecord:
    stage_id, endpoint_id = parents
    derived: dict[str, Any] = {
        "endpointStageId": stage_id,
        "endpointId": endpoint_id,
        "modelName": model.name,
        "modelFormatCode": model.spec["modelFormatCode"],
        "share": {"cpuMilli": share.cpu_milli, "memoryMib": share.memory_mib, "gpu": share.gpu},
    }
    return NewRecord(
        id=resource_id,
        kind="endpoint-model",
        name=model.name,
        description=body.description or "",
        spec=body.wire() | {"podCount": body.pod_count} | derived,
        status="CREATE_REQUESTED",
        links={"stage": (stage_id,), "model": (model.id,)},
    )
