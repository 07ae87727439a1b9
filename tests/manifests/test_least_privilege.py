"""Roles hold no more than is needed: no wildcard, no reading of Secrets, no way to more rights; users get all kinds."""

import json
from pathlib import Path

import pytest
import yaml

from adapters.easymaker.engines.cluster import permissions
from adapters.easymaker.engines.cluster.names import DOMAIN
from adapters.easymaker.kinds import KINDS
from tests.manifests.rendered import Json, combined, everything, one, rendered

ROLES = ("ClusterRole", "Role")
BINDINGS = ("ClusterRoleBinding", "RoleBinding")
# Whoever may do these has all rights, sooner or later.
MORE_RIGHTS = {"escalate", "bind", "impersonate", "approve", "sign"}
AGGREGATED = "rbac.authorization.kubeflow.org/aggregate-to-"
ADAPTER = {"kind": "ServiceAccount", "name": "easymaker-adapter", "namespace": "kubeflow"}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    return everything(tmp_path_factory.mktemp("everything"))


def rules(documents: list[Json]) -> list[tuple[str, Json]]:
    found = [
        (document["metadata"]["name"], rule)
        for document in documents
        if document["kind"] in ROLES
        for rule in document["rules"]
    ]
    assert found
    return found


def test_no_rule_has_a_wildcard_or_leads_to_more_rights(documents: list[Json]) -> None:
    for name, rule in rules(documents):
        assert "*" not in json.dumps(rule), name
        assert not MORE_RIGHTS & set(rule["verbs"]), name
        assert "rbac.authorization.k8s.io" not in rule["apiGroups"], name
        assert not {"serviceaccounts", "serviceaccounts/token", "nodes", "pods/exec"} & set(rule["resources"]), name


def test_nobody_reads_secrets(documents: list[Json]) -> None:
    for name, rule in rules(documents):
        if "secrets" in rule["resources"]:
            assert set(rule["verbs"]) == {"create", "patch", "delete"}, name


def test_in_the_whole_cluster_the_adapter_only_looks(documents: list[Json]) -> None:
    role = one(documents, "ClusterRole", "easymaker-adapter")
    for rule in role["rules"]:
        reviews = {"tokenreviews", "subjectaccessreviews"} & set(rule["resources"])
        assert set(rule["verbs"]) <= ({"create"} if reviews else {"get", "list", "watch"}), rule
        assert not {"secrets", "configmaps"} & set(rule["resources"])


def test_bindings_name_the_adapter_alone(documents: list[Json]) -> None:
    bindings = [each for each in documents if each["kind"] in BINDINGS]
    roles = {(each["kind"], each["roleRef"]["name"]) for each in bindings}
    in_profiles = {("RoleBinding", f"easymaker-adapter-{role}") for role in ("tenant", "pipelines")}
    assert roles == {("ClusterRoleBinding", "easymaker-adapter"), *in_profiles}
    assert [each["subjects"] for each in bindings] == [[ADAPTER]] * 3


@pytest.mark.parametrize("role", ["edit", "view"])
def test_users_have_every_kind_through_kubeflows_roles(role: str) -> None:
    found = one(rendered("base"), "ClusterRole", f"easymaker-{role}")
    assert found["metadata"]["labels"][f"{AGGREGATED}kubeflow-{role}"] == "true"
    assert {group for rule in found["rules"] for group in rule["apiGroups"]} == {DOMAIN}
    # What else there is in the group, a test of the routes compares.
    rule = found["rules"][0]
    assert sorted(rule["resources"]) == sorted(kind.plural for kind in KINDS)
    verbs = {"get", "list"} | ({"create", "update", "delete"} if role == "edit" else set())
    assert set(rule["verbs"]) == verbs


@pytest.mark.parametrize("routes", ["gateway-api", "istio"])
def test_roles_grant_what_the_engine_asks_for_and_nothing_else(routes: str, tmp_path: Path) -> None:
    found = rendered("base") if routes == "gateway-api" else combined(tmp_path, "components/istio-gateway")
    needed = permissions.required(routes)
    profile = permissions.Scope.PROFILE
    expected = {
        "easymaker-adapter": {question for each in needed if each.scope is not profile for question in asked(each)},
        "easymaker-adapter-tenant": {question for each in needed if each.scope is profile for question in asked(each)},
        "easymaker-adapter-pipelines": {question for each in permissions.PIPELINES for question in asked(each)},
    }
    assert {name: granted(one(found, "ClusterRole", name)) for name in expected} == expected


def asked(permission: permissions.Permission) -> set[tuple[str, str, str]]:
    return {(permission.group, permission.resource, verb) for verb in permission.verbs}


def granted(role: Json) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_with_istio_routes_the_adapter_has_virtual_services_instead(tmp_path: Path) -> None:
    documents = combined(tmp_path, "components/istio-gateway")
    for name in ("easymaker-adapter", "easymaker-adapter-tenant"):
        before, after = (
            yaml.safe_dump(one(each, "ClusterRole", name)["rules"]) for each in (rendered("base"), documents)
        )
        expected = before.replace("gateway.networking.k8s.io", "networking.istio.io")
        assert after == expected.replace("httproutes", "virtualservices") != before
