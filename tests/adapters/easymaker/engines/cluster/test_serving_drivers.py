"""Endpoints, stages and stage resources through their drivers over a real API server; the test plays KServe and the
gateway's controller, which set statuses.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import (
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    POD,
    VIRTUAL_SERVICE,
    ApiResource,
)
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.bundles import Applier, applied_digest
from adapters.easymaker.engines.cluster.endpoints import EndpointDriver, StageDriver
from adapters.easymaker.engines.cluster.informers import Cache
from adapters.easymaker.engines.cluster.mapping.backends import predictor, service_name
from adapters.easymaker.engines.cluster.model_servers import ModelServerDriver
from adapters.easymaker.engines.cluster.names import ENDPOINT_ID, MANAGED_BY, MANAGER, RESOURCE_ID, STAGE_ID
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.errors import NotFound, TemporaryEngineError
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from adapters.easymaker.settings import Settings
from tests.adapters.easymaker.engines.cluster import serving_samples as samples
from tests.adapters.easymaker.engines.cluster.serving_samples import endpoint, model, resource, stage
from tests.conftest import PATIENCE
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fixtures import LoadCrds

MERGE = {"Content-Type": "application/merge-patch+json"}
GREEN = "3c1d77aa-0006-4000-8000-ffffffffffff"
UP = {"type": "PredictorReady", "status": "True"}


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not in time: {what}")


class Situation:
    """An endpoint with its stages in a namespace of its own, and what the controllers would do for it."""

    def __init__(self, admin: ApiServerProcess, cache: Cache, parts: ClusterParts, namespace: str) -> None:
        self.server = parts.server
        self.namespace = namespace
        self.woken: list[str] = []
        self._admin = admin
        self._cache = cache
        self.routes = HTTP_ROUTE if parts.cluster.routes == "gateway-api" else VIRTUAL_SERVICE
        self.endpoints, self.stages, self.servers = EndpointDriver(parts), StageDriver(parts), ModelServerDriver(parts)

    def here(self, record: Record, goal: Goal | None = None) -> Record:
        return replace(record, appkey=self.namespace, goal=goal or record.goal)

    def resource_family(self, record: Record | None = None, on: Record | None = None) -> Family:
        of = self.here(record or resource())
        return Family(of, {"stage": (self.here(on or stage()),), "model": (self.here(model()),)})

    def stage_family(self, *resources: Record, on: Record | None = None, default: str = samples.STAGE_ID) -> Family:
        owner = self.here(endpoint(default))
        return Family(self.here(on or stage()), {"endpoint": (owner,)}, {"endpoint-model": resources})

    def endpoint_family(self, *stages: Record, default: str = samples.STAGE_ID, goal: Goal = Goal.PRESENT) -> Family:
        return Family(self.here(endpoint(default), goal), {}, {"endpoint-stage": stages or (stage(),)})

    def there(self, kind: ApiResource, resource_id: str = "", label: str = RESOURCE_ID) -> list[Json]:
        """Once the cache has followed: what is on the server."""
        found = self.server.list(kind, self.namespace, f"{label}={resource_id}" if resource_id else "")
        return sorted(found, key=lambda obj: obj["metadata"]["name"])

    def followed(self, kind: ApiResource, resource_id: str) -> None:
        def versions(objects: list[Json]) -> set[str]:
            return {obj["metadata"]["resourceVersion"] for obj in objects}

        until(
            lambda: versions(self._cache.of(kind, resource_id)) == versions(self.there(kind, resource_id)),
            f"the cache follows {kind.plural} of {resource_id}",
        )

    def set_status(self, kind: ApiResource, name: str, status: Json) -> None:
        path = kind.path(self.namespace, name, "status")
        answer = self._admin.request("PATCH", path, {"status": status}, headers=MERGE)
        assert answer.is_success, answer.text

    def kserve(self, resource_id: str = samples.RESOURCE_ID, pods: int = 1, ready: bool = True) -> None:
        """KServe makes pods, and reports."""
        labels = {RESOURCE_ID: resource_id, MANAGED_BY: MANAGER}
        for number in range(pods):
            name = f"{predictor(resource_id)}-{number}"
            spec = {"containers": [{"name": "kserve-container", "image": "easymaker/mlserver"}]}
            manifest = {"metadata": {"name": name, "labels": labels}, "spec": spec}
            self._admin.request("POST", POD.path(self.namespace), manifest).raise_for_status()
            condition = {"type": "Ready", "status": str(ready)}
            self.set_status(POD, name, {"phase": "Running", "conditions": [condition]})
        status = {"conditions": [UP if ready else UP | {"status": "False", "reason": "MinimumReplicasUnavailable"}]}
        self.set_status(INFERENCE_SERVICE, service_name(resource_id), status)
        self.followed(POD, resource_id)
        self.followed(INFERENCE_SERVICE, resource_id)

    def gateway(self, resource_id: str, accepted: bool = True) -> None:
        """The gateway's controller takes the routes of a stage or of an endpoint, or says why not."""
        reference = {"group": HTTP_ROUTE.group, "kind": "Gateway", "namespace": "kubeflow", "name": "easymaker-gateway"}
        for route in self.there(self.routes, resource_id):
            conditions = [
                {
                    "type": kind,
                    "status": str(accepted),
                    "reason": kind,
                    "message": "taken" if accepted else "no listener allows it",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                    "observedGeneration": route["metadata"]["generation"],
                }
                for kind in ("Accepted", "ResolvedRefs")
            ]
            entry = {"parentRef": reference, "controllerName": "example.com/gateway", "conditions": conditions}
            self.set_status(self.routes, route["metadata"]["name"], {"parents": [entry]})
        self.followed(self.routes, resource_id)

    def publish(self, family: Family) -> None:
        """As the loop does it, with the gateway's answer."""
        self.stages.start(family)
        for each in (family.record, *family.refs["endpoint"]):
            self.followed(self.routes, each.id)
            if self.routes is HTTP_ROUTE:
                self.gateway(each.id)


def see(driver: Any, family: Family, phase: Phase) -> Observation:
    last: list[Observation] = []

    def seen() -> bool:
        last.append(driver.observe(family))
        return last[-1].phase is phase

    try:
        until(seen, f"it is {phase}")
    except AssertionError as error:
        raise AssertionError(f"{error}; last: {last[-1]}") from None
    return last[-1]


@pytest.fixture(scope="module")
def loaded(crds: LoadCrds) -> None:
    """Once: they are large."""
    crds({"inferenceservices", "httproutes", "virtualservices"})


@pytest.fixture(params=["gateway-api", "istio"])
def situation(
    request: pytest.FixtureRequest, loaded: None, server: ApiServer, api_server: ApiServerProcess, namespace: str
) -> Iterator[Situation]:
    cluster = samples.settings(routes=request.param)
    woken: list[str] = []
    cache = Cache(server, [INFERENCE_SERVICE, POD, HTTP_ROUTE, VIRTUAL_SERVICE], [namespace], woken.extend)
    cache.start()
    until(lambda: all(state.synced for state in cache.states()), "the first lists")
    parts = ClusterParts(server, cache, Applier(server), samples.CATALOGUE, Settings(), cluster)
    found = Situation(api_server, cache, parts, namespace)
    found.woken = woken
    yield found
    cache.stop()


def test_a_stage_resource_from_nothing_to_ready_and_gone(situation: Situation) -> None:
    family = situation.resource_family(resource(podCount=2))
    assert situation.servers.observe(family).phase is Phase.MISSING
    situation.servers.start(family)
    see(situation.servers, family, Phase.PENDING)
    situation.kserve(pods=2, ready=False)
    assert "0 of 2" in see(situation.servers, family, Phase.PENDING).reason
    for number in range(2):
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        situation.set_status(POD, f"{predictor(samples.RESOURCE_ID)}-{number}", ready)
    situation.set_status(INFERENCE_SERVICE, service_name(samples.RESOURCE_ID), {"conditions": [UP]})
    seen = see(situation.servers, family, Phase.RUNNING)
    assert seen.detail == {"readyPods": 2, "pods": 2}
    gone = situation.resource_family(situation.here(resource(), Goal.ABSENT))
    assert situation.servers.observe(gone).phase is not Phase.MISSING
    until(lambda: situation.servers.remove(gone), "nothing is left")
    assert situation.there(INFERENCE_SERVICE) == []


def test_starting_again_changes_nothing_and_another_spec_is_brought_up_to_date(situation: Situation) -> None:
    family = situation.resource_family()
    situation.servers.start(family)
    situation.followed(INFERENCE_SERVICE, samples.RESOURCE_ID)
    (before,) = situation.there(INFERENCE_SERVICE)
    situation.servers.start(family)
    assert situation.there(INFERENCE_SERVICE) == [before]
    larger = situation.resource_family(resource(share={"cpuMilli": 700, "memoryMib": 1024, "gpu": 0}))
    assert "up to date" in situation.servers.observe(larger).reason
    situation.servers.start(larger)
    (after,) = situation.there(INFERENCE_SERVICE)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert applied_digest(after) != applied_digest(before)


def test_a_stage_is_up_when_the_gateway_has_taken_its_routes(situation: Situation) -> None:
    family = situation.stage_family(resource())
    assert situation.stages.observe(family).phase is Phase.MISSING
    situation.stages.start(family)
    situation.followed(situation.routes, samples.STAGE_ID)
    situation.followed(situation.routes, samples.ENDPOINT_ID)
    if situation.routes is HTTP_ROUTE:
        assert "has not taken the routes yet" in see(situation.stages, family, Phase.PENDING).reason
        situation.gateway(samples.STAGE_ID, accepted=False)
        assert "no listener allows it" in see(situation.stages, family, Phase.PENDING).reason
        situation.gateway(samples.STAGE_ID)
        situation.woken.clear()
        situation.gateway(samples.ENDPOINT_ID)
        until(lambda: samples.STAGE_ID in situation.woken, "it is woken by what the gateway says of its endpoint's")
    see(situation.stages, family, Phase.RUNNING)
    before = situation.there(situation.routes)
    situation.stages.start(family)
    assert situation.there(situation.routes) == before


def test_a_further_model_touches_no_route_of_the_others(situation: Situation) -> None:
    situation.publish(situation.stage_family(resource()))
    before = {obj["metadata"]["name"]: obj for obj in situation.there(situation.routes)}
    wine = resource("wine", {"id": samples.SECOND_ID})
    more = situation.stage_family(wine, resource())
    assert situation.stages.observe(more).phase is Phase.PENDING
    situation.publish(more)
    after = {obj["metadata"]["name"]: obj for obj in situation.there(situation.routes)}
    assert len(after) == 4
    assert {after[name]["metadata"]["generation"] for name in before} == {1}
    situation.publish(situation.stage_family(resource()))
    assert {obj["metadata"]["name"] for obj in situation.there(situation.routes)} == set(before)
    see(situation.stages, situation.stage_family(resource()), Phase.RUNNING)


def test_a_stage_without_resources_publishes_nothing_and_is_up(situation: Situation) -> None:
    assert situation.stages.observe(situation.stage_family()).phase is Phase.RUNNING
    see(situation.endpoints, situation.endpoint_family(), Phase.RUNNING)


def test_an_endpoint_is_up_when_its_default_stage_publishes_for_it(situation: Situation) -> None:
    starting = stage({"status": "CREATE_IN_PROGRESS"})
    family = situation.endpoint_family(starting)
    assert situation.endpoints.observe(family).phase is Phase.PENDING
    situation.endpoints.start(family)
    situation.publish(situation.stage_family(resource()))
    see(situation.endpoints, family, Phase.RUNNING)


def test_the_default_stage_changes_without_a_moment_in_which_nobody_serves(situation: Situation) -> None:
    blue, green = stage(), stage({"id": GREEN, "name": "green"})
    of_blue = resource()
    of_green = resource(values={"id": samples.SECOND_ID}, endpointStageId=GREEN)
    situation.publish(situation.stage_family(of_blue))
    situation.publish(situation.stage_family(of_green, on=green))
    for each in (of_blue, of_green):
        situation.servers.start(situation.resource_family(each))
    see(situation.endpoints, situation.endpoint_family(blue, green), Phase.RUNNING)
    before = [obj["metadata"]["uid"] for obj in situation.there(situation.routes, samples.ENDPOINT_ID)]

    # The API has set another default stage; the old one and its resources are to go.
    changed = situation.endpoint_family(blue, green, default=GREEN)
    old = situation.stage_family(of_blue, on=situation.here(blue, Goal.ABSENT), default=GREEN)
    leaving = situation.resource_family(situation.here(of_blue, Goal.ABSENT), on=situation.here(blue, Goal.ABSENT))
    assert "being changed" in situation.endpoints.observe(changed).reason
    with pytest.raises(TemporaryEngineError, match="taken over"):
        situation.servers.remove(leaving)
    with pytest.raises(TemporaryEngineError, match="taken over"):
        situation.stages.remove(old)

    situation.woken.clear()
    situation.endpoints.start(changed)
    until(lambda: GREEN in situation.woken, "the new default stage is woken")
    situation.woken.clear()
    situation.publish(situation.stage_family(of_green, on=green, default=GREEN))
    alias = situation.there(situation.routes, samples.ENDPOINT_ID)
    assert [obj["metadata"]["uid"] for obj in alias] == before, "the same objects lead elsewhere"
    assert {obj["metadata"]["labels"][STAGE_ID] for obj in alias} == {GREEN}
    until(lambda: samples.STAGE_ID in situation.woken, "the old one is woken when it has been taken over from")
    see(situation.endpoints, changed, Phase.RUNNING)
    until(lambda: situation.servers.remove(leaving), "the old server goes")
    until(lambda: situation.stages.remove(old), "the old stage goes")
    assert situation.there(situation.routes, samples.STAGE_ID) == []


def test_a_resource_serves_until_its_stage_leads_to_it_no_more(situation: Situation) -> None:
    other = resource(values={"id": samples.SECOND_ID})
    situation.publish(situation.stage_family(resource(), other))
    situation.servers.start(situation.resource_family())
    leaving = situation.resource_family(situation.here(resource(), Goal.ABSENT))
    situation.woken.clear()
    with pytest.raises(TemporaryEngineError, match="routes are being changed"):
        situation.servers.remove(leaving)
    until(lambda: samples.STAGE_ID in situation.woken, "its stage is woken")
    assert len(situation.there(INFERENCE_SERVICE)) == 1
    situation.publish(situation.stage_family(other))
    until(lambda: situation.servers.remove(leaving), "it goes")


def test_an_endpoint_goes_with_everything(situation: Situation) -> None:
    """Nobody takes over from a last stage: its resources do not wait for that."""
    situation.publish(situation.stage_family(resource()))
    situation.servers.start(situation.resource_family())
    on = situation.here(stage(), Goal.ABSENT)
    leaving = situation.resource_family(situation.here(resource(), Goal.ABSENT), on=on)
    until(lambda: situation.servers.remove(leaving), "the stage resource")
    owner = situation.here(endpoint(), Goal.ABSENT)
    gone = Family(on, {"endpoint": (owner,)})
    until(lambda: situation.stages.remove(gone), "the stage")
    until(lambda: situation.endpoints.remove(Family(owner)), "the endpoint")
    label = f"{ENDPOINT_ID}={samples.ENDPOINT_ID}"
    for kind in (INFERENCE_SERVICE, HTTP_ROUTE, VIRTUAL_SERVICE):
        assert situation.server.list(kind, situation.namespace, label) == []


def test_the_settings_of_the_gateway_are_reported_and_statistics_are_the_gateways(situation: Situation) -> None:
    family = situation.stage_family(resource(apigwResourceUri="/inference"))
    shown = situation.stages.report("gateway-settings", family, {})
    assert shown["stageUrl"] == f"easymaker.example.com/{samples.ENDPOINT_ID}/stages/blue"
    custom = {
        "method": "POST",
        "path": f"/{samples.ENDPOINT_ID}/stages/blue/inference",
        "serverPath": "/dispatch/iris",
        "endpointModels": [{"endpointModelId": samples.RESOURCE_ID, "weight": 1}],
    }
    assert custom in shown["routes"]
    for driver, of in ((situation.stages, family), (situation.servers, situation.resource_family())):
        with pytest.raises(NotFound, match="Prometheus"):
            driver.report("api-statistics", of, {})


def test_a_log_of_what_has_no_pod_yet_is_empty_and_grows(situation: Situation) -> None:
    assert situation.servers.read_log(situation.resource_family(), 0, 1000) == (b"", True)
