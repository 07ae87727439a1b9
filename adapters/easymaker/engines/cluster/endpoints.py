"""Endpoints and stages on a cluster: routes of its gateway.

A stage writes its own routes, and as its endpoint's default stage also those of the endpoint, always under the same
names: changing the default stage changes what they lead to, and two stages never claim one path.
"""

from collections.abc import Mapping
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.mapping import gateway_settings, route_states
from adapters.easymaker.engines.cluster.mapping.stage_routes import publications
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.route_table import RouteTable
from adapters.easymaker.errors import NotFound, TemporaryEngineError
from adapters.easymaker.kinds import endpoint_stage
from adapters.easymaker.kinds.record import Family, Goal, Json

STAGE = "endpoint-stage"
# What a change of a route tells at once is looked at again after this at the latest.
DEPLOYING_SECONDS = 5.0
TAKING_OVER_SECONDS = 0.5
NO_STATISTICS = (
    "there are no API statistics on this installation: on a cluster the gateway counts requests, and its own metrics "
    "(for Prometheus) have them by route"
)


class EndpointDriver:
    """An endpoint is what its default stage publishes for it."""

    def __init__(self, parts: ClusterParts) -> None:
        self._table = RouteTable(parts)
        self._recheck = parts.cluster.resync_seconds

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            return Observation(Phase.STOPPED)
        if self._foreign(family):
            return Observation(Phase.PENDING, "the default stage is being changed", recheck=DEPLOYING_SECONDS)
        if not self._complete(family):
            reason = "the default stage's routes are being deployed to the gateway"
            return Observation(Phase.PENDING, reason, recheck=DEPLOYING_SECONDS)
        if problem := self._table.problem(record.id):
            return Observation(Phase.PENDING, problem, recheck=self._recheck)
        return Observation(Phase.RUNNING, recheck=self._recheck)

    def start(self, family: Family) -> None:
        """Have the default stage take over. What it publishes only its own family tells, so it does it itself."""
        foreign = self._foreign(family)
        if foreign or not self._complete(family):
            # Each state of the routes asks once.
            versions = [route["metadata"]["resourceVersion"] for route in foreign] or ["none"]
            self._table.have_looked_at(_default_stage(family), f"{family.record.id}.{'.'.join(versions)}")

    def stop(self, family: Family) -> None:
        """An endpoint is deleted, not stopped."""

    def remove(self, family: Family) -> bool:
        return self._table.remove(family.record)

    def _foreign(self, family: Family) -> list[Json]:
        """The endpoint's routes that lead to another stage than the default one."""
        default = _default_stage(family)
        return [route for route in self._table.known(family.record.id) if route_states.stage_of(route) != default]

    def _complete(self, family: Family) -> bool:
        """Whether there are as many routes of the endpoint as of its default stage, which has one per model."""
        default = _default_stage(family)
        of_stage, own = self._table.known(default), self._table.known(family.record.id)
        stage = next((stage for stage in family.sources.get(STAGE, ()) if stage.id == default), None)
        empty = stage is not None and stage.status == endpoint_stage.LIFECYCLE.up
        return len(of_stage) == len(own) and (bool(own) or empty)


class StageDriver:
    """A stage is up when the gateway has taken its routes. Whether the models answer, its stage resources tell."""

    def __init__(self, parts: ClusterParts) -> None:
        self._table = RouteTable(parts)
        self._cluster = parts.cluster

    def observe(self, family: Family) -> Observation:
        if family.record.goal is Goal.ABSENT:
            # Whether something is left shows remove(), which looks at the API server.
            return Observation(Phase.STOPPED)
        published = publications(family)
        if not all(self._table.is_current(each) for each in published):
            known = self._table.known(family.record.id)
            reason = "routes are being deployed to the gateway"
            return Observation(Phase.PENDING if known else Phase.MISSING, reason, recheck=DEPLOYING_SECONDS)
        for each in published:
            if problem := self._table.problem(each.record.id):
                return Observation(Phase.PENDING, problem, recheck=self._cluster.resync_seconds)
        return Observation(Phase.RUNNING, recheck=self._cluster.resync_seconds)

    def start(self, family: Family) -> None:
        for each in publications(family):
            self._table.deploy(each)

    def stop(self, family: Family) -> None:
        """A stage is deleted, not stopped."""

    def remove(self, family: Family) -> bool:
        """The default stage keeps serving until another one has taken over, or its endpoint goes as well."""
        record, endpoint = family.record, family.ref("endpoint")
        stays = endpoint if endpoint is not None and endpoint.goal is not Goal.ABSENT else None
        if stays and any(route_states.stage_of(route) == record.id for route in self._table.known(stays.id)):
            raise TemporaryEngineError("it serves until the new default stage has taken over", TAKING_OVER_SECONDS)
        return self._table.remove(record)

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        if path == "gateway-settings":
            return gateway_settings.shown(publications(family), self._cluster)
        raise NotFound(NO_STATISTICS)


def _default_stage(family: Family) -> str:
    return str(family.record.spec["defaultStageId"])
