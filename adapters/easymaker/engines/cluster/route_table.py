"""Routes on the cluster: HTTPRoutes or VirtualServices, as the installation has it."""

from adapters.easymaker.engines.cluster.api_resources import HTTP_ROUTE, VIRTUAL_SERVICE
from adapters.easymaker.engines.cluster.mapping import route_states
from adapters.easymaker.engines.cluster.mapping.http_routes import http_routes
from adapters.easymaker.engines.cluster.mapping.stage_routes import Publication
from adapters.easymaker.engines.cluster.mapping.virtual_services import virtual_services
from adapters.easymaker.engines.cluster.names import DOMAIN, RESOURCE_ID, namespace_of
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.kinds.record import Json, Record

# An annotation on a route, by which others have its stage looked at: the change of it wakes the stage.
LOOK_AT = f"{DOMAIN}/look-at"


class RouteTable:
    def __init__(self, parts: ClusterParts) -> None:
        self._server = parts.server
        self._cache = parts.cache
        self._applier = parts.applier
        self._cluster = parts.cluster
        self._gateway_api = parts.cluster.routes == "gateway-api"
        self.kind = HTTP_ROUTE if self._gateway_api else VIRTUAL_SERVICE

    def render(self, publication: Publication) -> list[Json]:
        renderer = http_routes if self._gateway_api else virtual_services
        return renderer(publication, self._cluster)

    def known(self, resource_id: str) -> list[Json]:
        """The routes of a stage, or of an endpoint's alias, as last seen."""
        return self._cache.of(self.kind, resource_id)

    def is_current(self, publication: Publication) -> bool:
        rendered, known = self.render(publication), self.known(publication.record.id)
        return not route_states.outdated(rendered, known) and not route_states.superfluous(rendered, known)

    def deploy(self, publication: Publication) -> None:
        """Apply what differs, then delete what is too much: a rule that moves is never away."""
        rendered, known = self.render(publication), self.known(publication.record.id)
        for bundle in route_states.outdated(rendered, known):
            self._applier.apply(bundle, None)
        for route in route_states.superfluous(rendered, known):
            self._server.delete(self.kind, route["metadata"]["namespace"], route["metadata"]["name"])

    def problem(self, resource_id: str) -> str | None:
        """Why the gateway does not use these routes. A VirtualService has no status: it is used once it is there."""
        if not self._gateway_api:
            return None
        return route_states.gateway_problem(self.known(resource_id), self._cluster.gateway)

    def have_looked_at(self, stage_id: str, why: str) -> None:
        """Wake the stage by touching one of its routes; the same ``why`` again changes nothing."""
        for route in self.known(stage_id)[:1]:
            change: Json = {"metadata": {"annotations": {LOOK_AT: why}}}
            self._server.patch(self.kind, route["metadata"]["namespace"], route["metadata"]["name"], change)

    def listed(self, namespace: str, label: str, value: str) -> list[Json]:
        """The routes with this label as they are now."""
        return self._server.list(self.kind, namespace, f"{label}={value}")

    def remove(self, record: Record) -> bool:
        """Delete all routes of a stage or of an endpoint; True when none is left."""
        return self._applier.remove(namespace_of(record.appkey), f"{RESOURCE_ID}={record.id}", (self.kind,))
