"""The cluster engine runs no program of its own: its platform are the watches that tell it what happens."""

from collections.abc import Callable, Collection

from adapters.easymaker.engines.base import Part
from adapters.easymaker.engines.cluster.api_resources import (
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    KATIB_EXPERIMENT,
    KATIB_TRIAL,
    POD,
    TENSORBOARD,
    TRAIN_JOB,
    VIRTUAL_SERVICE,
    ApiResource,
)
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.informers import RELIST_SECONDS, Cache
from adapters.easymaker.errors import EngineError


def watched(routes: str) -> tuple[ApiResource, ...]:
    """The kinds of objects whose status matters; ``routes`` is the setting of that name."""
    route = HTTP_ROUTE if routes == "gateway-api" else VIRTUAL_SERVICE
    return (TRAIN_JOB, KATIB_EXPERIMENT, KATIB_TRIAL, TENSORBOARD, INFERENCE_SERVICE, route, POD)


class ClusterPlatform:
    """``on_change`` is called, from any thread, with the ids of resources to which something has happened."""

    def __init__(
        self,
        server: ApiServer,
        routes: str,
        namespaces: Collection[str],
        relist_seconds: float = RELIST_SECONDS,
    ) -> None:
        self._server = server
        self.on_change: Callable[[Collection[str]], None] = lambda ids: None
        self.cache = Cache(server, watched(routes), namespaces, self._changed, relist_seconds)

    def start(self, on_progress: Callable[[Part], None]) -> None:
        """Watches begin by themselves and come back by themselves; an API server that is away is no reason to wait."""
        self.cache.start()
        for part in self.parts():
            on_progress(part)

    def _changed(self, ids: Collection[str]) -> None:
        self.on_change(ids)

    def supervise(self) -> list[str]:
        return []

    def parts(self) -> list[Part]:
        watches = [
            Part(
                f"watch {state.resource}{' in ' + state.place if state.place else ''}",
                "RUNNING" if state.synced and not state.trouble else ("DOWN" if state.trouble else "STARTING"),
                "",
                state.trouble or f"{state.objects} objects",
            )
            for state in self.cache.states()
        ]
        return [self._api_server(), *watches]

    def stop(self) -> None:
        """Ends the watches; what runs on the cluster goes on."""
        self.cache.stop()
        self._server.close()

    def _api_server(self) -> Part:
        try:
            version = self._server.get("/version") or {}
        except EngineError as error:
            return Part("Kubernetes API server", "DOWN", "", str(error))
        return Part("Kubernetes API server", "RUNNING", "", str(version.get("gitVersion", "")))
