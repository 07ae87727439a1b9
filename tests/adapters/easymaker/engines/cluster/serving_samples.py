"""Endpoints, stages and stage resources made up for the tests of the mapping and of the drivers."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from adapters.easymaker.catalogue import Catalogue, Flavor
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.mapping.inference_services import ServingSite
from adapters.easymaker.kinds.record import Family, Goal, Json, Record

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ENDPOINT_ID = "51c2a7de-0001-4000-8000-aaaaaaaaaaaa"
STAGE_ID = "3c1d77aa-0002-4000-8000-bbbbbbbbbbbb"
MODEL_ID = "a2b4c6d8-0003-4000-8000-cccccccccccc"
RESOURCE_ID = "9a7c1e2f-0004-4000-8000-dddddddddddd"
SECOND_ID = "9a7c1e2f-0005-4000-8000-eeeeeeeeeeee"
OBS = "obs://storage.example.com/v1/AUTH_0123456789abcdef/models/iris"

CPU = Flavor(name="m2.c4m8", vcpus=4, ram=8192)
GPU = Flavor(
    name="g2.c8m64g2",
    vcpus=8,
    ram=65536,
    gpu_flavor=True,
    gpu_count=2,
    node_selector={"node.example.com/type": "g2"},
    tolerations=({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},),
)
CATALOGUE = Catalogue(flavors=(CPU, GPU))


def settings(**changes: Any) -> ClusterSettings:
    """The defaults, whatever the environment says."""
    return ClusterSettings.model_construct(**changes)


def site(**changes: Any) -> ServingSite:
    return ServingSite(CATALOGUE, settings(**changes))


def record(kind: str, id: str, name: str, spec: Json, **values: Any) -> Record:
    given: Json = {
        "appkey": "team-a",
        "description": "",
        "status": "ACTIVE",
        "reason": "",
        "goal": Goal.PRESENT,
        "state": {},
        "created_by": "ann@example.com",
        "created_at": BEGAN,
        "updated_at": BEGAN,
        "version": 1,
    }
    return Record(id=id, kind=kind, name=name, spec=spec, **given | values)


def endpoint(default: str = STAGE_ID, **values: Any) -> Record:
    return record("endpoint", ENDPOINT_ID, "iris", {"endpointName": "iris", "defaultStageId": default}, **values)


def stage(values: Json | None = None, **spec: Any) -> Record:
    given: Json = {"endpointId": ENDPOINT_ID, "flavorId": CPU.id, "nodeCount": 1}
    return record("endpoint-stage", **{"id": STAGE_ID, "name": "blue", "spec": given | spec} | (values or {}))


def model(name: str = "iris", **spec: Any) -> Record:
    given: Json = {"modelFormatCode": "SKLEARN", "modelUploadUri": OBS}
    return record("model", MODEL_ID, name, given | spec)


def resource(name: str = "iris", values: Json | None = None, **spec: Any) -> Record:
    """A stage resource that serves a model of this name; one ready pod unless ``values`` has another state."""
    given: Json = {
        "endpointId": ENDPOINT_ID,
        "endpointStageId": STAGE_ID,
        "modelId": MODEL_ID,
        "modelName": name,
        "modelFormatCode": "SKLEARN",
        "podCount": 1,
        "share": {"cpuMilli": 500, "memoryMib": 1024, "gpu": 0},
    }
    own = {"id": RESOURCE_ID, "name": name, "spec": given | spec, "state": {"readyPods": 1}}
    return record("endpoint-model", **own | (values or {}))


def resource_family(of: Record | None = None, served: Record | None = None, on: Record | None = None) -> Family:
    return Family(of or resource(), {"stage": (on or stage(),), "model": (served or model(),)})


def stage_family(*resources: Record, default: bool = True, on: Record | None = None) -> Family:
    """A stage with these resources; ``default``: it is its endpoint's default stage."""
    of = on or stage()
    owner = endpoint(of.id if default else "another-stage")
    return Family(of, {"endpoint": (owner,)}, {"endpoint-model": resources})


def with_goal(of: Record, goal: Goal) -> Record:
    return replace(of, goal=goal)
