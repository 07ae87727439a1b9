"""Endpoints and their stages: made, replaced, promoted and deleted, each waited for."""

from dataclasses import dataclass

from kfp_components.easymaker.easymaker_api.client import EasyMakerApi, Json
from kfp_components.easymaker.easymaker_api.errors import ApiRefused
from kfp_components.easymaker.easymaker_api.lookups import endpoint_named, flavor_id, stages_of


@dataclass(frozen=True)
class Deployment:
    """What a stage runs, and on what. The path is that of predictions below the stage's own."""

    model_id: str
    flavor: str
    node_count: int = 1
    pod_count: int = 1
    path: str = ""

    def body(self, api: EasyMakerApi) -> Json:
        resource: Json = {"modelId": self.model_id, "podCount": self.pod_count}
        if self.path:
            resource["apigwResourceUri"] = self.path
        return {
            "flavorId": flavor_id(api, self.flavor),
            "nodeCount": self.node_count,
            "endpointModelResourceList": [resource],
        }


@dataclass(frozen=True)
class Served:
    """``predict_url`` takes requests of the protocol V1, those with ``instances``."""

    endpoint_id: str
    stage_id: str
    predict_url: str


def deploy(api: EasyMakerApi, name: str, deployment: Deployment, *, replace: bool) -> Served:
    """An endpoint with this name whose default stage serves the model.

    Where there is one already and ``replace`` is set, the model goes to a new stage, which becomes the default one when
    it answers: requests are served all the time. Doing it again with the same model changes nothing.
    """
    existing = endpoint_named(api, name)
    if existing is None:
        made = api.create("endpoints", "endpoint", deployment.body(api) | {"endpointName": name})
        endpoint_id = api.wait("endpoints", "endpoint", made["endpointId"])["endpointId"]
        return served(_default_stage(api, endpoint_id))
    endpoint_id = existing["endpointId"]
    current = _default_stage(api, endpoint_id)
    if _models(current) == [deployment.model_id]:
        return served(api.wait("endpoint-stages", "endpointStage", current["endpointStageId"]))
    if not replace:
        raise ApiRefused(f"endpoint {name} serves another model already, and replace is not set", 409)
    fresh = add_stage(api, endpoint_id, _stage_name(api, endpoint_id, deployment.model_id), deployment)
    return promote(api, fresh.stage_id)


def add_stage(api: EasyMakerApi, endpoint: str, name: str, deployment: Deployment) -> Served:
    """A stage with this name that serves the model. One that does so already is taken as it is.

    The endpoint is given by its name or its id.
    """
    endpoint_id = _endpoint_id(api, endpoint)
    for stage in stages_of(api, endpoint_id):
        if stage["apigwStageName"] == name and _models(stage) == [deployment.model_id]:
            return served(api.wait("endpoint-stages", "endpointStage", stage["endpointStageId"]))
    body = deployment.body(api) | {"endpointId": endpoint_id, "apigwStageName": name}
    made = api.create("endpoint-stages", "endpointStage", body)
    return served(api.wait("endpoint-stages", "endpointStage", made["endpointStageId"]))


def promote(api: EasyMakerApi, stage_id: str) -> Served:
    """Make it the default stage; the stage that was it is deleted."""
    stage = api.wait("endpoint-stages", "endpointStage", stage_id)
    endpoint_id = stage["endpointId"]
    old = _default_stage(api, endpoint_id)["endpointStageId"]
    if old != stage_id:
        api.put(f"/endpoints/{endpoint_id}/default-stage", {"endpointStageId": stage_id})
        api.wait_gone("endpoint-stages", old)
    api.wait("endpoints", "endpoint", endpoint_id)
    return served(_default_stage(api, endpoint_id))


def delete_stage(api: EasyMakerApi, stage_id: str) -> None:
    api.delete(f"/endpoint-stages/{stage_id}")
    api.wait_gone("endpoint-stages", stage_id)


def default_predict_url(api: EasyMakerApi, endpoint: str) -> str:
    """Of the endpoint with this name or id: it stays the same when another stage becomes the default one."""
    endpoint_id = _endpoint_id(api, endpoint)
    stage = _default_stage(api, endpoint_id)
    root = api.get(f"/endpoints/{endpoint_id}")["endpoint"]["defaultStageUrl"]
    return f"https://{root}{_path(stage['endpointModelList'][0])}"


def served(stage: Json) -> Served:
    url = f"https://{stage['apigwStageUrl']}{_path(stage['endpointModelList'][0])}"
    return Served(stage["endpointId"], stage["endpointStageId"], url)


def _endpoint_id(api: EasyMakerApi, endpoint: str) -> str:
    found = endpoint_named(api, endpoint)
    return found["endpointId"] if found else endpoint


def _path(resource: Json) -> str:
    return resource.get("apigwResourceUri") or f"/v1/models/{resource['model']['modelName']}/predict"


def _models(stage: Json) -> list[str]:
    return [each["modelId"] for each in stage["endpointModelList"]]


def _default_stage(api: EasyMakerApi, endpoint_id: str) -> Json:
    found = next((stage for stage in stages_of(api, endpoint_id) if stage["isDefaultStage"]), None)
    if found is None:
        raise ApiRefused(f"endpoint {endpoint_id} has no default stage", 404)
    return found


def _stage_name(api: EasyMakerApi, endpoint_id: str, model_id: str) -> str:
    """One that is not taken, and the same when the step runs again."""
    digits = "".join(char for char in model_id.lower() if char.isalnum())
    taken = {s["apigwStageName"] for s in stages_of(api, endpoint_id) if _models(s) != [model_id]}
    names = (f"m{digits[:8]}{suffix}" for suffix in ("", *map(str, range(2, 1000))))
    return next(name for name in names if name not in taken)
