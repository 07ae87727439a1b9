"""The roles that the manifests give to users grant what the routes ask for: all of it, and nothing else."""

from pathlib import Path
from typing import Any

import yaml
from fastapi.routing import APIRoute

from adapters.easymaker.access import READING, Verb
from adapters.easymaker.api import lookups, routes, system
from adapters.easymaker.api.rules import access_of, rule_of

ROLES = Path(__file__).parents[2] / "manifests/base/rbac/users.yaml"
GROUP = "easymaker.kubeflow.org"


def granted(name: str) -> set[tuple[str, str]]:
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(ROLES.read_text()))
    rules = next(each["rules"] for each in documents if each["metadata"]["name"] == name)
    assert all(rule["apiGroups"] == [GROUP] for rule in rules)
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def asked() -> set[tuple[str, Verb]]:
    found: set[tuple[str, Verb]] = set()
    for router in (routes.build(), lookups.router, system.router):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            plural, verbs = access_of(route.endpoint)
            assert bool(plural) == ("{appkey}" in route.path), route.path
            assert rule_of(route.endpoint) is not None
            found |= {(plural, verb) for verb in verbs}
    return found


def test_an_editor_may_do_all_that_there_is() -> None:
    assert granted("easymaker-edit") == asked()


def test_a_viewer_may_read_all_that_there_is_and_change_nothing() -> None:
    assert granted("easymaker-view") == {(plural, verb) for plural, verb in asked() if verb in READING}
