"""The roles that manifests/ grant are what the engine says that it needs: not one verb less, and not one more."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.easymaker.engines.cluster.permissions import PIPELINES, REQUIRED, Permission, Scope, required

ROOT = Path(__file__).parents[5]
RBAC = ROOT / "manifests/base/rbac"


def granted(file: str) -> set[tuple[str, str, str]]:
    """(group, resource, verb) of the file's ClusterRole."""
    documents: list[dict[str, Any]] = list(yaml.safe_load_all((RBAC / file).read_text("utf-8")))
    (role,) = [each for each in documents if each["kind"] == "ClusterRole"]
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def needed(permissions: tuple[Permission, ...], *scopes: Scope) -> set[tuple[str, str, str]]:
    return {(p.group, p.resource, verb) for p in permissions if p.scope in scopes for verb in p.verbs}


@pytest.mark.parametrize(
    ("file", "scopes"), [("adapter.yaml", (Scope.CLUSTER, Scope.WATCHED)), ("tenant.yaml", (Scope.PROFILE,))]
)
def test_roles_grant_exactly_what_is_needed(file: str, scopes: tuple[Scope, ...]) -> None:
    assert granted(file) == needed(required("gateway-api"), *scopes)


def test_the_role_in_kubeflow_pipelines_grants_exactly_what_is_needed() -> None:
    assert granted("pipelines.yaml") == needed(PIPELINES, Scope.PROFILE)


def test_no_secret_is_ever_read() -> None:
    verbs = {verb for _, resource, verb in needed(REQUIRED, *Scope) if resource == "secrets"}
    assert verbs == {"create", "patch", "delete"}
    assert not needed(REQUIRED, Scope.CLUSTER, Scope.WATCHED) & {("", "secrets", verb) for verb in ("get", "list")}


@pytest.mark.parametrize(("routes", "other"), [("gateway-api", "virtualservices"), ("istio", "httproutes")])
def test_only_the_routes_that_are_used(routes: str, other: str) -> None:
    assert other not in {permission.resource for permission in required(routes)}
    assert len({p.resource for p in REQUIRED} - {p.resource for p in required(routes)}) == 1
