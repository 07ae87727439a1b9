"""Kubernetes' own kinds: right manifests pass, and every sort of mistake is named with its path."""

from typing import Any

import pytest

from tests.strict_schema.crds import CustomKinds, crds_missing_reason
from tests.strict_schema.examples import (
    BUILTIN,
    CRD,
    DEPLOYMENT,
    ROLE,
    SERVICE,
    TRAIN_JOB,
    Manifest,
    changed,
    without,
)
from tests.strict_schema.quantities import quantity_problem
from tests.strict_schema.validator import Validator

Path = tuple[str | int, ...]
POD: Path = ("spec", "template", "spec")
FIRST: Path = (*POD, "containers", 0)
AT = "spec.template.spec.containers[0]"


def kind_of(manifest: Manifest) -> str:
    return str(manifest["kind"])


@pytest.mark.parametrize("manifest", BUILTIN, ids=kind_of)
def test_a_right_object_has_no_problem(validator: Validator, manifest: Manifest) -> None:
    assert validator.problems(manifest) == []


WRONG: dict[str, tuple[Manifest, Path, Any, str, str]] = {
    "unknown field": (DEPLOYMENT, (*FIRST, "imagepullPolicy"), "Always", f"{AT}.imagepullPolicy", "unknown field"),
    "unknown field at the top": (SERVICE, ("data",), {}, "data", "unknown field"),
    "unknown field of metadata": (SERVICE, ("metadata", "nam"), "a", "metadata.nam", "unknown field"),
    "unknown field of a template's metadata": (
        DEPLOYMENT,
        ("spec", "template", "metadata", "lables"),
        {},
        "spec.template.metadata.lables",
        "unknown field",
    ),
    "type": (DEPLOYMENT, ("spec", "replicas"), "2", "spec.replicas", "must be integer"),
    "null": (DEPLOYMENT, (*POD, "volumes", 0, "emptyDir"), None, "spec.template.spec.volumes[0].emptyDir", "null"),
    "environment that is no text": (DEPLOYMENT, (*FIRST, "env", 0, "value"), 1, f"{AT}.env[0].value", "must be string"),
    "quantity": (DEPLOYMENT, (*FIRST, "resources", "limits", "memory"), "2GB", f"{AT}.resources.limits.memory", "2GB"),
    "int-or-string": (
        DEPLOYMENT,
        (*FIRST, "readinessProbe", "httpGet", "port"),
        1.5,
        f"{AT}.readinessProbe.httpGet.port",
        "must be integer or string",
    ),
    "enumeration": (DEPLOYMENT, (*FIRST, "imagePullPolicy"), "always", f"{AT}.imagePullPolicy", "is none of Always"),
    "repeated container": (
        DEPLOYMENT,
        (*POD, "containers", 1),
        {"name": "adapter", "image": "x"},
        "spec.template.spec.containers[1]",
        "repeats entry 0",
    ),
    "name of a container": (DEPLOYMENT, (*FIRST, "name"), "A_b", f"{AT}.name", "DNS-1123 label"),
    "name of a port": (DEPLOYMENT, (*FIRST, "ports", 0, "name"), "a-very-long-name", f"{AT}.ports[0].name", "port"),
    "port": (SERVICE, ("spec", "ports", 0, "port"), 70000, "spec.ports[0].port", "maximum"),
    "name of a Service": (SERVICE, ("metadata", "name"), "1a", "metadata.name", "DNS-1035"),
    "selector": (SERVICE, ("spec", "selector", "a"), "b c", "spec.selector.a", "label value"),
    "no verbs": (ROLE, ("rules", 0, "verbs"), [], "rules[0].verbs", "at least 1"),
    "name of a Role": (ROLE, ("metadata", "name"), "a/b", "metadata.name", "path segment"),
    "namespace of a cluster-wide kind": (CRD, ("metadata", "namespace"), "a", "metadata.namespace", "no namespace"),
    "field of a CRD": (CRD, ("spec", "versions", 0, "Served"), True, "spec.versions[0].Served", "unknown field"),
    "version": (DEPLOYMENT, ("apiVersion",), "apps/v1beta1", "apiVersion", "no schema for Deployment in apps/v1beta1"),
    "group": (DEPLOYMENT, ("apiVersion",), "apps.example.com/v1", "apiVersion", "no schema"),
    "base64": (BUILTIN[5], ("data", "key"), "no base64!", "data.key", "no byte"),
    "a part of an object is no object": (DEPLOYMENT, ("kind",), "DeploymentSpec", "apiVersion", "no schema"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_one_mistake_in_an_object_is_named(validator: Validator, case: tuple[Manifest, Path, Any, str, str]) -> None:
    manifest, path, value, place, message = case
    problems = validator.problems(changed(manifest, path, value))
    assert len(problems) == 1
    assert problems[0].startswith(f"{place}: ")
    assert message in problems[0]


def test_a_missing_field_is_named(validator: Validator) -> None:
    assert validator.problems(without(DEPLOYMENT, ("spec", "selector"))) == ["spec.selector: is required"]
    assert validator.problems(without(SERVICE, ("spec", "ports", 0, "port"))) == ["spec.ports[0].port: is required"]


def test_a_creation_time_that_go_prints_as_null_passes(validator: Validator) -> None:
    assert validator.problems(changed(SERVICE, ("metadata", "creationTimestamp"), None)) == []


def test_a_list_is_checked_item_by_item(validator: Validator) -> None:
    wrong = changed(SERVICE, ("spec", "foo"), 1)
    assert validator.problems({"apiVersion": "v1", "kind": "List", "items": [DEPLOYMENT, wrong]}) == [
        "items[1].spec.foo: unknown field"
    ]


def test_the_schemas_are_of_a_recent_kubernetes(validator: Validator) -> None:
    """Older ones would take removed versions and refuse new fields."""
    assert (1, 34) <= validator.builtin.version <= (1, 36)
    assert not validator.knows(changed(DEPLOYMENT, ("apiVersion",), "extensions/v1beta1"))


def test_without_crds_the_reason_is_told(validator: Validator, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests skip then; whoever validates all the same learns why it cannot be."""
    monkeypatch.setenv("EASYMAKER_CRDS", str(tmp_path))
    bare = Validator(CustomKinds(tmp_path), validator.builtin)
    assert "EASYMAKER_CRDS" in str(crds_missing_reason())
    assert not bare.knows(TRAIN_JOB)
    assert "EASYMAKER_CRDS" in bare.problems(TRAIN_JOB)[0]
    assert bare.problems(DEPLOYMENT) == []


@pytest.mark.parametrize("value", ["500m", "2Gi", "1.5", "1e3", "12E", "1E3", "0", ".5", "+1", 1, 0.5])
def test_right_quantities(value: Any) -> None:
    assert quantity_problem(value) is None


@pytest.mark.parametrize("value", ["", "2GB", "500 m", "m", "1i", "1,5", "0x1", True, None, [1]])
def test_wrong_quantities(value: Any) -> None:
    assert quantity_problem(value)
