"""What the tests of the cluster engine take for granted of the API server they run on."""

import json
import threading
from typing import Any

import httpx
import pytest

from tests.kubernetes.access import grant, may, token_review
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fixtures import LoadCrds
from tests.kubernetes.namespaces import collections_of, create_namespace, delete_namespace

SECRETS = {"verb": "get", "resource": "secrets", "namespace": "default"}


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_two_field_managers_own_their_fields_and_conflict_over_the_others(
    api_server: ApiServerProcess, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps/shared"
    api_server.apply(path, config_map("shared", ours="1"), manager="ours")
    api_server.apply(path, config_map("shared", theirs="2"), manager="theirs")

    unforced = {"fieldManager": "theirs"}
    headers = {"Content-Type": "application/apply-patch+yaml"}
    body = config_map("shared", ours="3", theirs="2")
    conflict = api_server.request("PATCH", path, body, params=unforced, headers=headers)
    left = api_server.apply(path, config_map("shared"), manager="theirs")

    assert conflict.status_code == 409
    assert "ours" in conflict.json()["message"]
    assert left["data"] == {"ours": "1"}


def test_a_watch_delivers_what_happens_after_its_resource_version(api_server: ApiServerProcess, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    version = api_server.request("GET", path).json()["metadata"]["resourceVersion"]
    parameters = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "60"}
    changes = threading.Thread(target=_change, args=(api_server, path))

    with api_server.client.stream("GET", path, params=parameters) as answer:
        changes.start()
        events = []
        for line in answer.iter_lines():
            events.append(json.loads(line))
            if len(events) == 3:
                break
    changes.join()

    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert int(version) < versions[0] < versions[1] < versions[2]


def _change(api_server: ApiServerProcess, path: str) -> None:
    api_server.request("POST", path, config_map("watched")).raise_for_status()
    api_server.apply(f"{path}/watched", config_map("watched", a="b"))
    api_server.request("DELETE", f"{path}/watched").raise_for_status()


def test_a_service_account_may_do_what_its_role_says_and_nothing_else(
    api_server: ApiServerProcess, namespace: str
) -> None:
    token = api_server.service_account_token(namespace, "reader")
    grant(api_server, namespace, "reader", {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]})
    core = f"/api/v1/namespaces/{namespace}"

    with api_server.client_for(token) as client, api_server.client_for() as nobody:
        allowed = client.get(f"{core}/configmaps").status_code
        other_resource = client.get(f"{core}/secrets").status_code
        other_verb = client.post(f"{core}/configmaps", json=config_map("new")).status_code
        other_namespace = client.get("/api/v1/namespaces/default/configmaps").status_code
        unknown = nobody.get(f"{core}/configmaps").status_code

    assert (allowed, other_resource, other_verb, other_namespace, unknown) == (200, 403, 403, 403, 403)


def test_a_user_with_a_client_certificate_has_only_what_is_granted(api_server: ApiServerProcess) -> None:
    kubeconfig = json.loads(api_server.kubeconfig_for("somebody", ("some-group",)).read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == api_server.url
    identity = api_server.authority.client_context(api_server.certificate_for("somebody", ("some-group",)))

    with httpx.Client(base_url=api_server.url, verify=identity, trust_env=False) as client:
        answer = client.get("/api/v1/namespaces/default/secrets")

    assert answer.status_code == 403
    assert 'User "somebody"' in answer.json()["message"]


def test_token_and_subject_access_reviews_tell_the_truth(api_server: ApiServerProcess, namespace: str) -> None:
    token = api_server.service_account_token(namespace, "keeper")
    grant(api_server, namespace, "keeper", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})
    user = f"system:serviceaccount:{namespace}:keeper"

    known = token_review(api_server, token)
    foreign = token_review(api_server, token[:-4] + "AAAA")

    assert known["authenticated"] is True
    assert known["user"]["username"] == user
    assert not foreign.get("authenticated")
    assert may(api_server, user, {**SECRETS, "namespace": namespace}) is True
    assert may(api_server, user, {**SECRETS, "namespace": "default"}) is False


def test_loaded_crds_default_and_refuse_as_their_schemas_say(
    api_server: ApiServerProcess, namespace: str, crds: LoadCrds
) -> None:
    loaded = crds({"referencegrants", "tensorboards", "kubeflow.org"})
    path = f"/apis/tensorboard.kubeflow.org/v1alpha1/namespaces/{namespace}/tensorboards"
    board = {"apiVersion": "tensorboard.kubeflow.org/v1alpha1", "kind": "Tensorboard", "metadata": {"name": "board"}}

    wrong = api_server.request("POST", path, {**board, "spec": {"logspath": 5}})
    right = api_server.request("POST", path, {**board, "spec": {"logspath": "pvc://logs", "unknown": 1}})

    assert "tensorboards.tensorboard.kubeflow.org" in loaded
    assert (wrong.status_code, right.status_code) == (422, 201)
    assert "logspath" in wrong.json()["message"]
    assert right.json()["spec"] == {"logspath": "pvc://logs"}


def test_loading_again_changes_nothing_and_answers_the_same(api_server: ApiServerProcess, crds: LoadCrds) -> None:
    first = crds({"profiles", "referencegrants"})
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{first[0]}"
    uid = api_server.request("GET", path).json()["metadata"]["uid"]

    assert crds({"profiles", "referencegrants"}) == first
    assert api_server.request("GET", path).json()["metadata"]["uid"] == uid


def test_a_deleted_namespace_takes_its_objects_along_even_those_with_finalizers(api_server: ApiServerProcess) -> None:
    create_namespace(api_server, "short-lived")
    kept = config_map("kept")
    kept["metadata"]["finalizers"] = ["example.com/nobody-comes"]
    path = "/api/v1/namespaces/short-lived/configmaps"
    api_server.request("POST", path, kept).raise_for_status()
    assert path in collections_of(api_server, "short-lived")

    delete_namespace(api_server, "short-lived")

    assert api_server.request("GET", path).json()["items"] == []
    assert api_server.request("GET", "/api/v1/namespaces/short-lived").status_code == 404


@pytest.mark.slow
def test_a_server_ends_with_its_process_group_and_leaves_no_files(api_server: ApiServerProcess) -> None:
    with ApiServerProcess(api_server.assets) as second:
        home, url = second.home, second.url
        assert second.request("GET", "/readyz").text == "ok"
        assert url != api_server.url

    assert not home.exists()
    with api_server.client_for(url=url) as client, pytest.raises(httpx.ConnectError):
        client.get("/readyz")
