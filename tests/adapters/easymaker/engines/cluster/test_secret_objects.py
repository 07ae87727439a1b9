"""Secrets on a real API server, written by an account that may not read a single one of them."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.easymaker.engines.cluster.api_resources import CONFIG_MAP, SECRET
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.secret_keys import secret_key
from adapters.easymaker.engines.cluster.secret_objects import SecretObjects, delete_secret
from adapters.easymaker.errors import InvalidRequest, TemporaryEngineError, Unavailable
from tests.adapters.easymaker.engines.cluster.conftest import client
from tests.kubernetes.api_server import ApiServerProcess

MODEL = "5f0c2f8e-6f0a-4f6e-9a43-6f5a0c1d2e3f"
CANARY = "canary-1b7a9e"
NAME = f"em-{MODEL}-secret"
WRITE_ONLY = [
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "create", "patch", "delete"]},
]


@pytest.fixture
def writer(api_server: ApiServerProcess, namespace: str) -> Iterator[ApiServer]:
    """The adapter's own rights in a profile namespace, as far as they are about secrets."""
    token = api_server.service_account_token(namespace, "adapter")
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    api_server.request("POST", f"{role}/roles", {"metadata": {"name": "w"}, "rules": WRITE_ONLY}).raise_for_status()
    binding = {
        "metadata": {"name": "w"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "w"},
        "subjects": [{"kind": "ServiceAccount", "name": "adapter", "namespace": namespace}],
    }
    api_server.request("POST", f"{role}/rolebindings", binding).raise_for_status()
    opened = client(api_server.kubeconfig_with_token(token))
    yield opened
    opened.close()


def later(hours: float) -> Any:
    return lambda: datetime.now(UTC) + timedelta(hours=hours)


def left(server: ApiServer, namespace: str) -> list[str]:
    return [
        f"{each['kind']} {each['metadata']['name']}"
        for r in (SECRET, CONFIG_MAP)
        for each in _all(server, r, namespace)
    ]


def _all(server: ApiServer, resource: Any, namespace: str) -> list[dict[str, Any]]:
    return [
        {"kind": resource.kind, **each} for each in server.list(resource, namespace, "app.kubernetes.io/managed-by")
    ]


def test_values_lie_in_a_secret_and_nowhere_else(writer: ApiServer, server: ApiServer, namespace: str) -> None:
    """Also parameters whose names no Secret would take; the ConfigMap tells which key is which, and no value."""
    SecretObjects(writer, b"key").put(namespace, MODEL, {"hf_token": CANARY, "my token": f"{CANARY}-2"})
    secret, names = server.read(SECRET, namespace, NAME), server.read(CONFIG_MAP, namespace, NAME)
    assert secret is not None and names is not None
    held = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert held == {"hf_token": CANARY, secret_key("my token"): f"{CANARY}-2"}
    assert names["data"] == {"hf_token": "hf_token", secret_key("my token"): "my token"}
    assert secret["type"] == "Opaque"
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [names["metadata"]["uid"]]
    del secret["data"]
    for text in (str(names), str(secret)):
        assert CANARY not in text and base64.b64encode(CANARY.encode()).decode() not in text


def test_a_lost_answer_leaves_nothing_of_a_request_that_fails(
    writer: ApiServer, server: ApiServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller is told to try again, and that is another resource with another Secret."""
    apply = writer.apply

    def lost(manifest: dict[str, Any]) -> dict[str, Any]:
        applied = apply(manifest)
        if manifest["kind"] == SECRET.kind:
            raise TemporaryEngineError("cut")
        return applied

    monkeypatch.setattr(writer, "apply", lost)
    with pytest.raises(Unavailable):
        SecretObjects(writer, b"key").put(namespace, MODEL, {"token": CANARY})
    assert left(server, namespace) == []


def test_the_writer_cannot_read_what_it_wrote(writer: ApiServer, namespace: str) -> None:
    """The store works with a role that has neither get nor list of Secrets."""
    SecretObjects(writer, b"key").put(namespace, MODEL, {"token": CANARY})
    with pytest.raises(TemporaryEngineError, match="does not allow"):
        writer.read(SECRET, namespace, NAME)
    with pytest.raises(TemporaryEngineError, match="does not allow"):
        writer.list(SECRET, namespace)


def test_putting_again_replaces_all_values(writer: ApiServer, server: ApiServer, namespace: str) -> None:
    store = SecretObjects(writer, b"key")
    store.put(namespace, MODEL, {"old_token": "1", "token": "2"})
    store.put(namespace, MODEL, {"token": "3"})
    secret = server.read(SECRET, namespace, NAME)
    assert secret is not None
    assert secret["data"] == {"token": base64.b64encode(b"3").decode()}


def test_deleting_leaves_nothing_and_may_be_repeated(writer: ApiServer, server: ApiServer, namespace: str) -> None:
    store = SecretObjects(writer, b"key")
    store.put(namespace, MODEL, {"token": "x"})
    assert len(left(server, namespace)) == 2
    store.delete(namespace, MODEL)
    store.delete(namespace, MODEL)
    delete_secret(writer, namespace, MODEL)
    assert left(server, namespace) == []


def test_only_old_secrets_without_a_resource_are_orphans(writer: ApiServer, server: ApiServer, namespace: str) -> None:
    """A young one may belong to a request that is not committed; one of another installation is not ours to judge."""
    other = MODEL.replace("5f0c", "0000")
    SecretObjects(writer, b"key").put(namespace, MODEL, {"token": "x"})
    SecretObjects(writer, b"key").put(namespace, other, {"token": "y"})

    def search(hours: float, installation: str = "kubeflow") -> int:
        store = SecretObjects(writer, b"key", installation, now=later(hours))
        return store.delete_orphans(lambda ids: set(ids) & {other}, [namespace])

    assert (search(0.9), search(2, "another")) == (0, 0)
    assert search(1.1) == 1
    assert left(server, namespace) == [f"Secret em-{other}-secret", f"ConfigMap em-{other}-secret"]


def test_a_secret_without_its_values_is_an_orphan_too(writer: ApiServer, server: ApiServer, namespace: str) -> None:
    """What a crash between the two objects leaves."""
    SecretObjects(writer, b"key").put(namespace, MODEL, {"token": "x"})
    server.delete(SECRET, namespace, NAME)
    assert SecretObjects(writer, b"key", now=later(2)).delete_orphans(lambda ids: (), [namespace]) == 1
    assert left(server, namespace) == []


def test_a_namespace_that_is_closed_does_not_stop_the_search(
    writer: ApiServer, server: ApiServer, namespace: str
) -> None:
    SecretObjects(writer, b"key").put(namespace, MODEL, {"token": "x"})
    store = SecretObjects(writer, b"key", now=later(2))
    assert store.delete_orphans(lambda ids: (), ["another", "kube-system", "Not A Name", namespace]) == 1


def test_what_cannot_be_stored_shows_no_value(writer: ApiServer, namespace: str) -> None:
    """Neither an API server that says no, nor one that finds the Secret invalid, gets a value into the answer."""
    store = SecretObjects(writer, b"key")
    with pytest.raises(Unavailable) as closed:
        store.put("kube-system", MODEL, {"token": CANARY})
    with pytest.raises(InvalidRequest) as large:
        store.put(namespace, MODEL, {"token": CANARY * 150_000})
    for error in (closed, large):
        assert CANARY not in str(error.value) and CANARY not in str(error.value.__cause__)


def test_fingerprints_tell_contents_apart_and_need_the_key(server: ApiServer) -> None:
    one, other = SecretObjects(server, b"one"), SecretObjects(server, b"other")
    assert one.fingerprint(b"body") == SecretObjects(server, b"one").fingerprint(b"body")
    assert len({one.fingerprint(b"body"), one.fingerprint(b"another"), other.fingerprint(b"body")}) == 3
