"""Endpoints and stages on one machine: routes of the local gateway."""

from collections.abc import Mapping
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local import api_statistics
from adapters.easymaker.engines.local.gateway import ResourceRoute, StageRoutes
from adapters.easymaker.engines.local.tools import GatewayProvider
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds.endpoint_stage import is_default
from adapters.easymaker.kinds.record import Family, Goal

RESOURCE = "endpoint-model"
WATCH_SECONDS = 2.0


class EndpointDriver:
    """An endpoint is its name at the gateway; what it does beyond that are its stages."""

    def __init__(self, gateway: GatewayProvider) -> None:
        self._gateway = gateway

    def observe(self, family: Family) -> Observation:
        gateway = self._gateway()
        if not gateway.ready():
            return Observation(Phase.PENDING, "the gateway is starting", recheck=0.5)
        if family.record.goal is Goal.PRESENT:
            stage = gateway.published(_default_stage(family))
            if stage is None:
                return Observation(Phase.PENDING, "its default stage is not published yet", recheck=0.2)
            if not stage.is_default:
                return Observation(Phase.PENDING, "the default stage is being changed", recheck=0.2)
        return Observation(Phase.RUNNING, recheck=WATCH_SECONDS)

    def start(self, family: Family) -> None:
        gateway, default = self._gateway(), _default_stage(family)
        if gateway.published(default) is not None:
            gateway.set_default(family.record.id, default)

    def stop(self, family: Family) -> None:
        """An endpoint is deleted, not stopped."""

    def remove(self, family: Family) -> bool:
        self._gateway().set_default(family.record.id, None)
        return True


class StageDriver:
    """A stage is published when the gateway has its routes, and up when every model answers through them."""

    def __init__(self, gateway: GatewayProvider) -> None:
        self._gateway = gateway

    def observe(self, family: Family) -> Observation:
        gateway, record = self._gateway(), family.record
        published = gateway.published(record.id)
        if record.goal is Goal.ABSENT:
            return Observation(Phase.STOPPED if published else Phase.MISSING)
        if published is None:
            return Observation(Phase.MISSING)
        if published.resources != _routes(family).resources:
            return Observation(Phase.PENDING, "routes are being deployed to the gateway", recheck=0.2)
        for model in sorted({route.model_name for route in published.resources if route.ports}):
            if not gateway.probe(published, model):
                reason = f"model {model} does not answer through the gateway yet"
                return Observation(Phase.PENDING, reason, recheck=0.3)
        return Observation(Phase.RUNNING, recheck=WATCH_SECONDS)

    def start(self, family: Family) -> None:
        self._gateway().publish(_routes(family))

    def stop(self, family: Family) -> None:
        """A stage is deleted, not stopped."""

    def remove(self, family: Family) -> bool:
        """The default stage keeps serving until another one has taken over, or its endpoint goes as well."""
        gateway = self._gateway()
        published = gateway.published(family.record.id)
        endpoint = family.ref("endpoint")
        if published is not None and published.is_default and endpoint and endpoint.goal is not Goal.ABSENT:
            raise TemporaryEngineError("it serves until the new default stage has taken over", retry_after=0.3)
        gateway.withdraw(family.record.id)
        return True

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        return {"api-statistics": self._statistics, "gateway-settings": self._settings}[path](family)

    def _statistics(self, family: Family) -> Any:
        ids = [resource.id for resource in family.sources.get(RESOURCE, ())]
        counted = self._gateway().statistics(ids)
        return {
            "total": api_statistics.shown(api_statistics.total(counted.values())),
            "resources": [{"endpointModelId": key} | api_statistics.shown(value) for key, value in counted.items()],
        }

    def _settings(self, family: Family) -> Any:
        published = self._gateway().published(family.record.id)
        return None if published is None else published.to_json()


def _default_stage(family: Family) -> str:
    return str(family.record.spec["defaultStageId"])


def _routes(family: Family) -> StageRoutes:
    record = family.record
    live = [r for r in family.sources.get(RESOURCE, ()) if r.goal is Goal.PRESENT]
    return StageRoutes(
        endpoint_id=record.spec["endpointId"],
        stage_id=record.id,
        stage_name=record.name,
        is_default=is_default(record, family.ref("endpoint")),
        resources=tuple(
            ResourceRoute(
                resource_id=resource.id,
                model_name=resource.spec["modelName"],
                path=resource.spec.get("apigwResourceUri"),
                ports=tuple(resource.state.get("ports", ())),
                started=tuple(resource.state.get("started", ())),
            )
            for resource in live
        ),
    )
