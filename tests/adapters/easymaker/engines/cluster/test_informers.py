"""A cache over a real API server: it follows, wakes, and believes nothing to be missing without looking."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import pytest

from adapters.easymaker.engines.cluster import informers
from adapters.easymaker.engines.cluster.api_resources import CONFIG_MAP, SECRET
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.informers import Cache, slim
from adapters.easymaker.engines.cluster.names import APPLIED, MANAGED_BY, MANAGER, RESOURCE_ID
from adapters.easymaker.errors import TemporaryEngineError


class Woken:
    def __init__(self) -> None:
        self.ids: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, ids: Collection[str]) -> None:
        with self._lock:
            self.ids += ids

    def take(self) -> list[str]:
        with self._lock:
            ids, self.ids = self.ids, []
        return ids


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within a minute: {what}")


def managed(namespace: str, name: str, resource_id: str = "r1", **data: str) -> dict[str, Any]:
    labels = {MANAGED_BY: MANAGER, RESOURCE_ID: resource_id}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
def cache(server: ApiServer, namespace: str, woken: Woken):
    opened = Cache(server, [CONFIG_MAP], [namespace], woken)
    opened.start()
    until(lambda: opened.states()[0].synced, "the first list")
    yield opened
    opened.stop()


def test_nothing_is_told_before_the_first_list(server: ApiServer, namespace: str, woken: Woken) -> None:
    idle = Cache(server, [CONFIG_MAP], [namespace], woken)
    with pytest.raises(TemporaryEngineError, match="still being listed"):
        idle.get(CONFIG_MAP, namespace, "a")


def test_what_happens_wakes_the_resource(server: ApiServer, namespace: str, cache: Cache, woken: Woken) -> None:
    server.apply(managed(namespace, "a"))
    until(lambda: "r1" in woken.take(), "the creation")
    server.apply(managed(namespace, "a", key="changed"))
    until(lambda: "r1" in woken.take(), "the change")
    assert [obj["metadata"]["name"] for obj in cache.of(CONFIG_MAP, "r1")] == ["a"]
    server.delete(CONFIG_MAP, namespace, "a")
    until(lambda: "r1" in woken.take(), "the deletion")
    assert cache.of(CONFIG_MAP, "r1") == []
    assert cache.get(CONFIG_MAP, namespace, "a") is None


def test_what_is_there_at_the_first_list_wakes_too(server: ApiServer, namespace: str, woken: Woken) -> None:
    server.apply(managed(namespace, "a", "r7"))
    late = Cache(server, [CONFIG_MAP], [namespace], woken)
    late.start()
    until(lambda: "r7" in woken.take(), "the first list")
    late.stop()


def test_stopping_leaves_no_reader_and_no_damage(server: ApiServer, namespace: str, woken: Woken) -> None:
    """A connection closed under a reader makes it read from whoever gets its number next: readers are ended first."""
    for _ in range(5):
        short = Cache(server, [CONFIG_MAP, SECRET], [namespace], woken)
        short.start()
        until(lambda: all(state.synced for state in short.states()), "the first lists")  # noqa: B023
        short.stop()
        assert not [t.name for t in threading.enumerate() if t.name.startswith("watch") and namespace in t.name]
        assert all(server.read(CONFIG_MAP, namespace, "none") is None for _ in range(5))


def test_what_a_lagging_cache_misses_is_read(
    server: ApiServer, namespace: str, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another replica has made it and this one's watch has not brought it yet: it must not count as gone."""
    monkeypatch.setattr(informers.Informer, "_put", lambda self, obj: None)
    server.apply(managed(namespace, "a"))
    assert cache.get(CONFIG_MAP, namespace, "a") is not None


def test_objects_of_others_are_not_kept(server: ApiServer, namespace: str, cache: Cache, woken: Woken) -> None:
    foreign = managed(namespace, "foreign")
    foreign["metadata"]["labels"].pop(MANAGED_BY)
    server.apply(foreign)
    server.apply(managed(namespace, "ours"))
    until(lambda: cache.states()[0].objects, "ours")
    assert cache.states()[0].objects == 1


def test_a_broken_watch_lists_anew_and_tells_what_vanished(
    server: ApiServer, namespace: str, cache: Cache, woken: Woken, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.apply(managed(namespace, "a", "r1"))
    server.apply(managed(namespace, "b", "r2"))
    until(lambda: cache.states()[0].objects == 2, "both")
    woken.take()
    # The watch is deaf while one object goes and another comes, then it breaks.
    monkeypatch.setattr(informers.Informer, "_put", lambda self, obj: None)
    monkeypatch.setattr(informers.Informer, "_drop", lambda self, obj: None)
    server.delete(CONFIG_MAP, namespace, "a")
    server.apply(managed(namespace, "c", "r3"))
    seen: set[str] = set()
    real = ApiServer.watch

    def broken(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(ApiServer, "watch", real)
        raise TemporaryEngineError("cut")

    monkeypatch.setattr(ApiServer, "watch", broken)
    # An event makes the running watch come to its end: its server closes it with the client.
    monkeypatch.setattr(informers, "WATCH_SECONDS", 1.0)
    restarted = Cache(server, [CONFIG_MAP], [namespace], woken)
    restarted.start()
    until(lambda: seen.update(woken.take()) or {"r2", "r3"} <= seen, "the new list")
    assert "r1" not in seen
    restarted.stop()


def test_a_lost_event_is_made_up_for_by_the_next_list(
    server: ApiServer, namespace: str, woken: Woken, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.apply(managed(namespace, "a", "r1"))
    often = Cache(server, [CONFIG_MAP], [namespace], woken, relist_seconds=1.0)
    often.start()
    until(lambda: "r1" in woken.take(), "the first list")
    # The watch goes on and brings nothing.
    monkeypatch.setattr(informers.Informer, "_put", lambda self, obj: None)
    monkeypatch.setattr(informers.Informer, "_drop", lambda self, obj: None)
    server.delete(CONFIG_MAP, namespace, "a")
    server.apply(managed(namespace, "b", "r2"))
    seen: set[str] = set()
    until(lambda: seen.update(woken.take()) or {"r1", "r2"} <= seen, "the next list")
    assert (often.of(CONFIG_MAP, "r1"), len(often.of(CONFIG_MAP, "r2"))) == ([], 1)
    often.stop()


def test_only_what_is_read_is_kept() -> None:
    obj = {
        "metadata": {
            "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1", "managedFields": [{"much": "text"}],
            "annotations": {APPLIED: "digest", "kubectl.kubernetes.io/last-applied-configuration": "long"},
        },
        "spec": {"suspend": True, "trainer": {"much": "text"}},
        "status": {"conditions": []},
    }  # fmt: skip
    kept = slim(obj)
    assert kept["metadata"]["annotations"] == {APPLIED: "digest"}
    assert "managedFields" not in kept["metadata"]
    assert kept["spec"] == {"suspend": True}
