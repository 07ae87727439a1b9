"""The engine's client over a real API server: what every answer of the server means to the engine."""

from typing import Any

import pytest

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import CONFIG_MAP, POD, ApiResource
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.connection import ConnectionUnknown, Credentials
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from tests.kubernetes.api_server import ApiServerProcess


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    labels = {"app": "test"}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def test_applying_twice_does_it_once(server: ApiServer, namespace: str) -> None:
    first = server.apply(config_map(namespace, "a", key="1"))
    second = server.apply(config_map(namespace, "a", key="1"))
    assert first["metadata"]["uid"] == second["metadata"]["uid"]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


def test_applying_takes_back_what_another_manager_changed(
    server: ApiServer, api_server: ApiServerProcess, namespace: str
) -> None:
    server.apply(config_map(namespace, "a", key="ours"))
    path = f"/api/v1/namespaces/{namespace}/configmaps/a"
    api_server.apply(path, config_map(namespace, "a", key="theirs"), manager="somebody")
    server.apply(config_map(namespace, "a", key="ours"))
    found = server.read(CONFIG_MAP, namespace, "a")
    assert found is not None
    assert found["data"] == {"key": "ours"}


def test_what_is_missing_is_none_to_read_and_success_to_delete(server: ApiServer, namespace: str) -> None:
    assert server.read(CONFIG_MAP, namespace, "nowhere") is None
    assert server.patch(CONFIG_MAP, namespace, "nowhere", {"data": {"a": "b"}}) is None
    server.delete(CONFIG_MAP, namespace, "nowhere")
    assert server.log(namespace, "nowhere", "node", 100) is None


def test_a_list_is_read_page_by_page(server: ApiServer, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.easymaker.engines.cluster.api_server.PAGE", 3)
    for number in range(8):
        server.apply(config_map(namespace, f"a-{number}"))
    assert len(server.list(CONFIG_MAP, namespace, "app=test")) == 8
    assert server.list(CONFIG_MAP, namespace, "app=other") == []


def test_what_the_server_finds_invalid_is_permanent_and_says_why(server: ApiServer, namespace: str) -> None:
    wrong = config_map(namespace, "a") | {"data": {"key": 5}}
    with pytest.raises(PermanentEngineError, match="data"):
        server.apply(wrong)
    with pytest.raises(PermanentEngineError, match="RFC 1123"):
        server.apply(config_map(namespace, "Not_A_Name"))


def test_a_kind_that_is_not_installed_may_come(server: ApiServer, namespace: str) -> None:
    unknown = ApiResource("example.com", "v1", "widgets", "Widget")
    with pytest.raises(TemporaryEngineError, match="preflight"):
        server.list(unknown, namespace)


def test_an_absent_namespace_may_come(server: ApiServer) -> None:
    with pytest.raises(TemporaryEngineError, match="no-such-profile"):
        server.apply(config_map("no-such-profile", "a"))


def test_without_a_role_nothing_is_allowed_and_the_reason_is_told(api_server: ApiServerProcess, namespace: str) -> None:
    nobody = ApiServer(Credentials(ClusterSettings(kubeconfig=api_server.kubeconfig_for("nobody"))))
    with pytest.raises(TemporaryEngineError, match=r"nobody.*cannot") as caught:
        nobody.list(POD, namespace)
    assert caught.value.retry_after >= 10
    nobody.close()


def test_a_server_that_is_not_there_is_a_temporary_trouble(api_server: ApiServerProcess) -> None:
    token = api_server.kubeconfig_with_token("token", "https://127.0.0.1:1")
    away = ApiServer(Credentials(ClusterSettings(kubeconfig=token)))
    with pytest.raises(TemporaryEngineError, match="cannot be reached"):
        away.list(POD, "default")
    away.close()


def test_a_token_that_has_been_replaced_is_read_again(api_server: ApiServerProcess, namespace: str) -> None:
    """A pod's token is replaced hourly: the first 401 makes us read it anew, and the request goes on."""
    api_server.request(
        "POST",
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
        {
            "metadata": {"name": "viewer"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:aggregate-to-view",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "viewer", "namespace": namespace}],
        },
    ).raise_for_status()
    good = api_server.service_account_token(namespace, "viewer")
    kubeconfig = api_server.kubeconfig_with_token("expired")
    opened = ApiServer(Credentials(ClusterSettings(kubeconfig=kubeconfig)))
    with pytest.raises(TemporaryEngineError, match="401"):
        opened.list(CONFIG_MAP, namespace)
    kubeconfig.write_text(kubeconfig.read_text().replace("expired", good))
    assert opened.list(CONFIG_MAP, namespace) == []
    opened.close()


def test_without_a_kubeconfig_the_message_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    with pytest.raises(ConnectionUnknown, match="EASYMAKER_CLUSTER_KUBECONFIG"):
        Credentials(ClusterSettings())
