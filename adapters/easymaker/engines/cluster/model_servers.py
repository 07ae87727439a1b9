"""Stage resources on a cluster: one InferenceService each, whose pods KServe makes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import INFERENCE_SERVICE, POD
from adapters.easymaker.engines.cluster.bundles import applied_digest
from adapters.easymaker.engines.cluster.endpoints import NO_STATISTICS
from adapters.easymaker.engines.cluster.mapping import route_states, server_states
from adapters.easymaker.engines.cluster.mapping.backends import service_name
from adapters.easymaker.engines.cluster.mapping.inference_services import ServingSite, inference_service
from adapters.easymaker.engines.cluster.mapping.runtimes import RUNTIMES
from adapters.easymaker.engines.cluster.mapping.server_states import SERVER, STORAGE, ServerView
from adapters.easymaker.engines.cluster.names import ENDPOINT_ID, RESOURCE_ID, namespace_of
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.route_table import RouteTable
from adapters.easymaker.errors import NotFound, PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.record import Family, Goal, Json, Record

# A log is read from its beginning each time: the API server knows no offset.
LONGEST_LOG = 64 * 1024**2
LEAVING_SECONDS = 0.5
REMOVING_SECONDS = 1.0


class ModelServerDriver:
    def __init__(self, parts: ClusterParts) -> None:
        self._server = parts.server
        self._cache = parts.cache
        self._applier = parts.applier
        self._table = RouteTable(parts)
        self._recheck = parts.cluster.resync_seconds
        self._site = ServingSite(parts.catalogue, parts.cluster)

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            # Also when the InferenceService is gone: remove() looks at the API server.
            return Observation(Phase.STOPPED)
        runtime = RUNTIMES.get(record.spec["modelFormatCode"])
        view = ServerView(
            service=self._known(record),
            pods=self._cache.of(POD, record.id),
            digest=self._digest(family),
            pods_wanted=int(record.spec["podCount"]),
            hopeless=runtime.hopeless_exit_codes if runtime else frozenset(),
        )
        return replace(server_states.observe(view), recheck=self._recheck)

    def start(self, family: Family) -> None:
        bundle, known = inference_service(family, self._site), self._known(family.record)
        if known is not None and "deletionTimestamp" in known["metadata"]:
            raise TemporaryEngineError("an earlier InferenceService of it is being removed", REMOVING_SECONDS)
        if known is None or applied_digest(known) != bundle.digest():
            self._applier.apply(bundle, known)

    def stop(self, family: Family) -> None:
        """A server is removed, not stopped."""

    def remove(self, family: Family) -> bool:
        """Its pods serve for as long as routes lead to them."""
        record = family.record
        self._require_unused(record, family.ref("stage"))
        selector = f"{RESOURCE_ID}={record.id}"
        return self._applier.remove(namespace_of(record.appkey), selector, (INFERENCE_SERVICE,))

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        """Of the oldest pod: what the download of the model said, then the model server. It goes with its pod."""
        pods = [pod for pod in self._cache.of(POD, family.record.id) if "deletionTimestamp" not in pod["metadata"]]
        pod = min(pods, key=lambda each: each["metadata"].get("creationTimestamp") or "", default=None)
        end = min(offset + limit, LONGEST_LOG)
        if pod is None or offset >= end:
            return b"", offset < LONGEST_LOG
        content = b""
        for container in (STORAGE, SERVER):
            if len(content) < end:
                content += self._server.log(*_key(pod), container, end - len(content)) or b""
        return content[offset:end], end < LONGEST_LOG

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        raise NotFound(NO_STATISTICS)

    def _known(self, record: Record) -> Json | None:
        return self._cache.get(INFERENCE_SERVICE, namespace_of(record.appkey), service_name(record.id))

    def _digest(self, family: Family) -> str | None:
        """What is served goes on, also when it could not be set up again, as after a change of the catalogue."""
        try:
            return inference_service(family, self._site).digest()
        except PermanentEngineError:
            return None

    def _require_unused(self, record: Record, stage: Record | None) -> None:
        """Raises TemporaryEngineError as long as somebody else's routes lead to it who will change them."""
        if stage is None:
            return
        endpoint_id = str(record.spec["endpointId"])
        by_stage, by_endpoint = (self._leads_here(each, record) for each in (stage.id, endpoint_id))
        if stage.goal is not Goal.ABSENT and (by_stage or by_endpoint):
            self._table.have_looked_at(stage.id, f"{record.id}.leaves")
            raise TemporaryEngineError("its stage's routes are being changed", LEAVING_SECONDS)
        # An endpoint is deleted only with its last stage. As long as there is another, that is taking over.
        if by_endpoint and self._has_another_stage(record, stage):
            raise TemporaryEngineError("it serves until another stage has taken over", LEAVING_SECONDS)

    def _has_another_stage(self, record: Record, stage: Record) -> bool:
        routes = self._table.listed(namespace_of(record.appkey), ENDPOINT_ID, str(record.spec["endpointId"]))
        return any(route_states.stage_of(route) != stage.id for route in routes)

    def _leads_here(self, routes_of: str, record: Record) -> bool:
        return any(record.id in route_states.leads_to(route) for route in self._table.known(routes_of))


def _key(pod: Json) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]
