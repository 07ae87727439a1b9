"""The fault proxy does to a request what its rules say, as often as they say, and tells what it saw."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.kubernetes.access import grant
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fault_proxy import FaultProxy
from tests.kubernetes.faults import Fault, FaultKind
from tests.kubernetes.request_attributes import attributes_of

EVERYTHING = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
DEADLINE_SECONDS = 60


@pytest.fixture(scope="module")
def proxy(api_server: ApiServerProcess) -> Iterator[FaultProxy]:
    with FaultProxy(api_server) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy, api_server: ApiServerProcess, namespace: str) -> Iterator[httpx.Client]:
    """A service account's, through the proxy, with paths relative to its namespace's config maps."""
    proxy.faults.clear()
    proxy.forget()
    token = api_server.service_account_token(namespace, "worker")
    grant(api_server, namespace, "worker", EVERYTHING)
    url = f"{proxy.url}/api/v1/namespaces/{namespace}/configmaps"
    with api_server.client_for(token, url, timeout=DEADLINE_SECONDS) as client:
        yield client
    assert proxy.faults.unused() == []


def create(client: httpx.Client, name: str) -> httpx.Response:
    return client.post("", json={"metadata": {"name": name}})


def names(client: httpx.Client) -> list[str]:
    return [each["metadata"]["name"] for each in client.get("").json()["items"]]


def watched(client: httpx.Client, count: int, version: str = "0") -> list[dict[str, Any]]:
    """The first events of a new watch; fewer if it ends before."""
    events: list[dict[str, Any]] = []
    with client.stream("GET", "", params={"watch": "true", "resourceVersion": version}) as answer:
        for line in answer.iter_lines():
            events.append(json.loads(line))
            if len(events) == count:
                break
    return events


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("409", 409, "Conflict"),
        ("410", 410, "Expired"),
        ("429", 429, "TooManyRequests"),
        ("500", 500, "InternalError"),
        ("503", 503, "ServiceUnavailable"),
        ("expired_token", 401, "Unauthorized"),
    ],
)
def test_an_error_is_answered_once_and_the_server_does_not_see_the_request(
    proxy: FaultProxy, client: httpx.Client, kind: str, status: int, reason: str
) -> None:
    proxy.faults.add(Fault("create", "configmaps", kind, seconds=3))

    first, before, second = create(client, "one"), names(client), create(client, "one")

    assert (first.status_code, first.json()["reason"]) == (status, reason)
    assert first.headers.get("retry-after") == ("3" if kind == "429" else None)
    assert "one" not in before
    assert second.status_code == 201


def test_a_cut_request_never_reaches_the_server(proxy: FaultProxy, client: httpx.Client) -> None:
    proxy.faults.add(Fault("create", "configmaps", "cut"))

    with pytest.raises(httpx.TransportError):
        create(client, "one")

    assert "one" not in names(client)
    assert create(client, "one").status_code == 201


def test_a_lost_answer_leaves_the_object_behind(proxy: FaultProxy, client: httpx.Client) -> None:
    proxy.faults.add(Fault("create", "configmaps", "cut_after"))

    with pytest.raises(httpx.TransportError):
        create(client, "one")

    assert "one" in names(client)
    assert create(client, "one").status_code == 409


def test_a_pause_delays_and_changes_nothing(proxy: FaultProxy, client: httpx.Client) -> None:
    proxy.faults.add(Fault("create", "configmaps", "pause", seconds=1))
    started = time.monotonic()

    answer = create(client, "one")

    assert answer.status_code == 201
    assert time.monotonic() - started >= 1


def test_a_new_watch_goes_stale_with_an_error_event(proxy: FaultProxy, client: httpx.Client) -> None:
    create(client, "one").raise_for_status()
    proxy.faults.add(Fault("watch", "configmaps", "stale_watch"))

    stale = watched(client, 5)
    fresh = watched(client, 1)

    assert [(event["type"], event["object"]["code"]) for event in stale] == [("ERROR", 410)]
    assert fresh[0]["type"] == "ADDED"


class Watching:
    """A watch that runs in a thread; its events are read as they come."""

    def __init__(self, proxy: FaultProxy, client: httpx.Client) -> None:
        self.version = client.get("").json()["metadata"]["resourceVersion"]
        self.events: list[str] = []
        self.cut = False
        self._client = client
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        until(lambda: bool(proxy.watches()))

    def end(self) -> None:
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self._client.stream("GET", "", params={"watch": "true", "resourceVersion": self.version}) as answer:
                for line in answer.iter_lines():
                    event = json.loads(line)
                    self.events.append(event["object"]["metadata"].get("name") or event["type"])
        except httpx.TransportError:
            self.cut = True


def until(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_running_watch_loses_an_event_and_goes_on(proxy: FaultProxy, client: httpx.Client) -> None:
    watching = Watching(proxy, client)
    proxy.faults.add(Fault("watch", "configmaps", FaultKind.DROP_WATCH_EVENTS))
    create(client, "lost")
    create(client, "seen")
    until(lambda: watching.events)
    proxy.end_watches("configmaps")
    watching.end()

    assert watching.events == ["seen"]
    assert watching.cut


def test_a_running_watch_goes_stale_instead_of_its_next_event(proxy: FaultProxy, client: httpx.Client) -> None:
    watching = Watching(proxy, client)
    create(client, "before")
    until(lambda: watching.events)
    proxy.faults.add(Fault("watch", "configmaps", "stale_watch"))
    create(client, "after")
    watching.end()

    assert watching.events == ["before", "ERROR"]
    assert not watching.cut


def test_a_running_watch_is_cut_before_its_next_event(proxy: FaultProxy, client: httpx.Client) -> None:
    watching = Watching(proxy, client)
    proxy.faults.add(Fault("watch", "configmaps", "cut_after"))
    create(client, "lost")
    watching.end()

    assert watching.events == []
    assert watching.cut
    assert proxy.watches() == []


def test_a_watch_that_its_client_leaves_ends_at_the_server_too(proxy: FaultProxy, client: httpx.Client) -> None:
    create(client, "one").raise_for_status()
    assert len(watched(client, 1)) == 1

    until(lambda: proxy.watches() == [])


def test_every_request_is_recorded_as_rbac_sees_it(
    proxy: FaultProxy, client: httpx.Client, api_server: ApiServerProcess, namespace: str
) -> None:
    proxy.faults.add(Fault("delete", "configmaps", "503", name="one"))
    create(client, "one")
    client.delete("/one", headers={"user-agent": "ours/1"})
    with api_server.client_for(url=proxy.url) as nobody:
        nobody.get("/api/v1/secrets")

    first, second, third = proxy.requests
    assert (first.attributes.verb, first.attributes.resource, first.attributes.namespace) == (
        "create",
        "configmaps",
        namespace,
    )
    assert (first.status, first.fault) == (201, None)
    assert first.user == f"system:serviceaccount:{namespace}:worker"
    assert (second.attributes.verb, second.attributes.name, second.user_agent) == ("delete", "one", "ours/1")
    assert second.status == 503
    assert second.fault is not None
    assert (third.attributes.verb, third.attributes.namespace, third.user, third.status) == ("list", "", "", 403)
    assert proxy.count("create", "configmaps") == 1


def test_a_rule_without_a_limit_holds_until_it_is_cleared(proxy: FaultProxy, client: httpx.Client) -> None:
    proxy.faults.add(Fault("*", "*", "500", times=None))
    answers = [client.get("").status_code, create(client, "one").status_code]
    proxy.faults.clear()

    assert [*answers, client.get("").status_code] == [500, 500, 200]


def test_an_unknown_kind_of_fault_is_refused(proxy: FaultProxy) -> None:
    with pytest.raises(ValueError, match="broken"):
        proxy.faults.add(Fault("get", "pods", "broken"))


PATHS = [
    ("GET", "/api/v1/pods?watch=1", ("watch", "", "pods", "", "", "")),
    ("GET", "/api/v1/namespaces", ("list", "", "namespaces", "", "", "")),
    ("GET", "/api/v1/namespaces/a", ("get", "", "namespaces", "", "a", "a")),
    ("PUT", "/api/v1/namespaces/a/finalize", ("update", "", "namespaces", "finalize", "a", "a")),
    ("POST", "/api/v1/namespaces/a/serviceaccounts/b/token", ("create", "", "serviceaccounts", "token", "a", "b")),
    ("PATCH", "/apis/apps/v1/namespaces/a/deployments/b/scale", ("patch", "apps", "deployments", "scale", "a", "b")),
    ("DELETE", "/apis/apps/v1/namespaces/a/deployments", ("deletecollection", "apps", "deployments", "", "a", "")),
    ("DELETE", "/apis/node.k8s.io/v1/runtimeclasses/b", ("delete", "node.k8s.io", "runtimeclasses", "", "", "b")),
    ("GET", "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Db", ("list", "", "pods", "", "a", "b")),
    ("GET", "/apis/apps/v1", ("get", "", "", "", "", "")),
    ("GET", "/readyz?verbose", ("get", "", "", "", "", "")),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "expected"), PATHS)
def test_a_request_is_read_as_the_api_server_reads_it(method: str, target: str, expected: tuple[str, ...]) -> None:
    seen = attributes_of(method, target)

    assert (seen.verb, seen.group, seen.resource, seen.subresource, seen.namespace, seen.name) == expected
