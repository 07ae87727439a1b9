"""What the engine knows of the cluster: lists kept up to date by watches, as controllers do, instead of polling.

A list is made once, a watch goes on from its resourceVersion. A watch that ends is begun again where it stopped; one
that is too old (410) or that has failed begins with a new list, and what has vanished meanwhile counts as a change. A
cache may lag behind, so what is missing in it is confirmed by a live read before anybody believes it.
"""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import structlog

from adapters.easymaker.engines.cluster.api_resources import HTTP_ROUTE, VIRTUAL_SERVICE, ApiResource
from adapters.easymaker.engines.cluster.api_server import ApiServer, Gone, Watch, object_key
from adapters.easymaker.engines.cluster.names import DOMAIN, MANAGED, RESOURCE_ID, STAGE_ID
from adapters.easymaker.errors import EngineError, TemporaryEngineError
from adapters.easymaker.kinds.record import Json

log = structlog.get_logger("easymaker.cluster")

WATCH_SECONDS = 240.0
# A watch may lose an event without anybody noticing: nothing is believed for longer without a new list.
RELIST_SECONDS = 300.0
SHORTEST_WATCH_SECONDS = 1.0
SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
# What has gone on for so long was no quick failure: the next attempt need not wait for longer than at first.
STEADY_SECONDS = 5.0
# A request that is under way when everything ends comes to its own time limit.
END_SECONDS = 15.0
UNSYNCED_SECONDS = 0.5
# Of foreign annotations none is read.
KEPT_ANNOTATIONS = (DOMAIN, "serving.kserve.io/deploymentMode")
KEPT_METADATA = (
    "name", "namespace", "uid", "resourceVersion", "generation", "labels", "deletionTimestamp", "creationTimestamp",
)  # fmt: skip

# Of a job, whether it rests; of a trial, its values.
KEPT_SPEC = ("suspend", "parameterAssignments")

# Whom a change of an object concerns besides its own resource. The routes of an endpoint are its default stage's work,
# which is not done before the gateway has taken them: that shows in nothing that is labelled as the stage's own.
CONCERNED = {HTTP_ROUTE: STAGE_ID, VIRTUAL_SERVICE: STAGE_ID}

OnChange = Callable[[Collection[str]], None]


def slim(obj: Json) -> Json:
    """What is read of an object: without its specification, of which the digest in an annotation tells enough."""
    meta = {name: obj["metadata"][name] for name in KEPT_METADATA if name in obj["metadata"]}
    annotations = obj["metadata"].get("annotations") or {}
    meta["annotations"] = {key: value for key, value in annotations.items() if key.startswith(KEPT_ANNOTATIONS)}
    kept: Json = {"metadata": meta, "status": obj.get("status") or {}}
    spec = {name: value for name, value in (obj.get("spec") or {}).items() if name in KEPT_SPEC}
    return kept | ({"spec": spec} if spec else {})


class Informer:
    """One kind of object in one namespace, or in all of them (None)."""

    def __init__(
        self,
        server: ApiServer,
        resource: ApiResource,
        namespace: str | None,
        on_change: OnChange,
        relist_seconds: float = RELIST_SECONDS,
    ) -> None:
        self.resource = resource
        self.namespace = namespace
        self._server = server
        self._on_change = on_change
        self._relist_seconds = relist_seconds
        self._relist_at = 0.0
        self._lock = threading.Lock()
        self._objects: dict[tuple[str, str], Json] = {}
        self._by_id: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        # Its own, because the global one's state is for whoever has seeded it. It protects nothing.
        self._spread = random.Random()  # noqa: S311
        self._stop = threading.Event()
        self._watch: Watch | None = None
        self._synced = threading.Event()
        self.trouble = "not started"
        place = namespace or "all namespaces"
        self._thread = threading.Thread(target=self._run, name=f"watch {resource.plural} {place}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; ``join`` waits until it has."""
        self._stop.set()
        watch = self._watch
        if watch is not None:
            watch.end()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    @property
    def synced(self) -> bool:
        return self._synced.is_set()

    def get(self, namespace: str, name: str) -> Json | None:
        with self._lock:
            return self._objects.get((namespace, name))

    def of(self, resource_id: str) -> list[Json]:
        with self._lock:
            return [self._objects[key] for key in sorted(self._by_id.get(resource_id, ()))]

    def count(self) -> int:
        with self._lock:
            return len(self._objects)

    def _run(self) -> None:
        pause = SHORTEST_PAUSE
        version: str | None = None
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                if version is None or time.monotonic() >= self._relist_at:
                    version = self._list()
                version = self._follow(version)
                self.trouble = ""
                # It went well to its end, however short.
                pause = SHORTEST_PAUSE
            except Gone:
                version = None
            except EngineError as error:
                if self._stop.is_set():
                    return
                version = None
                self.trouble = str(error)
                log.warning("watch", resource=self.resource.plural, reason=str(error))
            except Exception:
                version = None
                self.trouble = "internal error; see the adapter's log"
                log.exception("watch failed", resource=self.resource.plural)
            if time.monotonic() - began > STEADY_SECONDS:
                pause = SHORTEST_PAUSE
            if version is None:
                self._stop.wait(pause * self._spread.uniform(0.8, 1.2))
                pause = min(pause * 2, LONGEST_PAUSE)

    def _list(self) -> str:
        found: dict[tuple[str, str], Json] = {}
        version = ""
        self._relist_at = time.monotonic() + self._relist_seconds
        for page in self._server.pages(self.resource, self.namespace, MANAGED):
            found |= {object_key(item): slim(item) for item in page["items"] or []}
            version = page["metadata"]["resourceVersion"]
        with self._lock:
            before = self._objects
            self._objects = found
            self._by_id = defaultdict(set)
            for key, obj in found.items():
                self._by_id[_id_of(obj)].add(key)
        self.trouble = ""
        self._synced.set()
        changed = [obj for key, obj in found.items() if _version(before.get(key)) != _version(obj)]
        self._tell(changed + [obj for key, obj in before.items() if _version(found.get(key)) != _version(obj)])
        return version

    def _follow(self, version: str) -> str | None:
        """Read one watch to its end. Returns the resourceVersion to go on from."""
        query = {"labelSelector": MANAGED, "resourceVersion": version}
        left = max(self._relist_at - time.monotonic(), SHORTEST_WATCH_SECONDS)
        with self._server.watch(self.resource, self.namespace, query, min(WATCH_SECONDS, left)) as events:
            self._watch = events
            for event in events if not self._stop.is_set() else ():
                obj: Json = event["object"]
                version = obj["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._drop(obj)
                elif event["type"] != "BOOKMARK":
                    self._put(slim(obj))
                if self._stop.is_set():
                    break
            self._watch = None
        return version

    def _put(self, obj: Json) -> None:
        key = object_key(obj)
        with self._lock:
            known = self._objects.get(key)
            if known is not None and _newer(known, obj):
                return
            if known is not None:
                self._by_id[_id_of(known)].discard(key)
            self._objects[key] = obj
            self._by_id[_id_of(obj)].add(key)
        if _version(known) != _version(obj):
            # Also whom it concerned until now: an endpoint's routes go from one stage to another.
            self._tell([obj] if known is None else [known, obj])

    def _drop(self, obj: Json) -> None:
        key = object_key(obj)
        with self._lock:
            known = self._objects.get(key)
            if known is None or known["metadata"]["uid"] != obj["metadata"]["uid"]:
                return
            del self._objects[key]
            keys = self._by_id[_id_of(known)]
            keys.discard(key)
            if not keys:
                del self._by_id[_id_of(known)]
        self._tell([obj])

    def _tell(self, objects: Iterable[Json]) -> None:
        names = {RESOURCE_ID, CONCERNED.get(self.resource, RESOURCE_ID)}
        ids = {_label(obj, name) for obj in objects for name in names} - {""}
        if ids:
            self._on_change(ids)


def _id_of(obj: Json) -> str:
    return _label(obj, RESOURCE_ID)


def _label(obj: Json, name: str) -> str:
    return (obj["metadata"].get("labels") or {}).get(name, "")


def _version(obj: Json | None) -> str:
    return obj["metadata"]["resourceVersion"] if obj else ""


def _newer(known: Json, other: Json) -> bool:
    """Whether what is known is newer. Versions are opaque by contract, but numbers wherever etcd keeps them."""
    mine, theirs = _version(known), _version(other)
    same = known["metadata"]["uid"] == other["metadata"]["uid"]
    return same and mine.isdigit() and theirs.isdigit() and int(mine) > int(theirs)


@dataclass(frozen=True)
class WatchState:
    """``trouble`` is empty while the watch follows."""

    resource: str
    place: str
    objects: int
    synced: bool
    trouble: str


class Cache:
    """All informers of the engine."""

    def __init__(
        self,
        server: ApiServer,
        resources: Collection[ApiResource],
        namespaces: Collection[str],
        on_change: OnChange,
        relist_seconds: float = RELIST_SECONDS,
    ) -> None:
        self._server = server
        self._informers: dict[ApiResource, list[Informer]] = {
            resource: [
                Informer(server, resource, place, on_change, relist_seconds) for place in (namespaces or (None,))
            ]
            for resource in resources
        }

    def start(self) -> None:
        for informer in self._all():
            informer.start()

    def stop(self) -> None:
        """Returns when no thread reads from the API server any more."""
        for informer in self._all():
            informer.stop()
        for informer in self._all():
            informer.join()

    def states(self) -> list[WatchState]:
        return [WatchState(i.resource.plural, i.namespace or "", i.count(), i.synced, i.trouble) for i in self._all()]

    def get(self, resource: ApiResource, namespace: str, name: str) -> Json | None:
        """The object as last seen; what is not in the cache is read from the API server.

        Raises:
            TemporaryEngineError: the first list is still under way.
        """
        informer = self._informer(resource, namespace)
        found = informer.get(namespace, name)
        if found is not None:
            return found
        obj = self._server.read(resource, namespace, name)
        return None if obj is None else slim(obj)

    def of(self, resource: ApiResource, resource_id: str) -> list[Json]:
        """The objects of one resource as last seen, sorted by name; raises like ``get``."""
        return [obj for informer in self._synced(resource) for obj in informer.of(resource_id)]

    def _all(self) -> list[Informer]:
        return [informer for informers in self._informers.values() for informer in informers]

    def _synced(self, resource: ApiResource) -> list[Informer]:
        informers = self._informers[resource]
        for informer in informers:
            if not informer.synced:
                reason = f"{resource.plural} are still being listed"
                raise TemporaryEngineError(f"{reason}: {informer.trouble}", UNSYNCED_SECONDS)
        return informers

    def _informer(self, resource: ApiResource, namespace: str) -> Informer:
        for informer in self._synced(resource):
            if informer.namespace in (None, namespace):
                return informer
        raise TemporaryEngineError(
            f"namespace {namespace} is not among those that EASYMAKER_CLUSTER_NAMESPACES lists", LONGEST_PAUSE
        )
