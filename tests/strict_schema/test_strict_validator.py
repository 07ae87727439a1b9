"""The validator takes right custom resources and names every sort of mistake with its path."""

from typing import Any

import pytest

from tests.strict_schema.crds import needs_crds
from tests.strict_schema.examples import (
    CUSTOM,
    EXPERIMENT,
    INFERENCE_SERVICE,
    ROUTE,
    TRAIN_JOB,
    VIRTUAL_SERVICE,
    Manifest,
    changed,
    without,
)
from tests.strict_schema.finding import Finding
from tests.strict_schema.node import Node
from tests.strict_schema.structural import structural_findings
from tests.strict_schema.validator import Validator

Path = tuple[str | int, ...]
TRAINER: Path = ("spec", "trainer")
PREDICTOR: Path = ("spec", "predictor")
RULE: Path = ("spec", "rules", 0)


def kind_of(manifest: Manifest) -> str:
    return str(manifest["kind"])


@needs_crds
@pytest.mark.parametrize("manifest", CUSTOM, ids=kind_of)
def test_a_right_custom_resource_has_no_problem(validator: Validator, manifest: Manifest) -> None:
    assert validator.problems(manifest) == []
    validator.require_valid(manifest)


WRONG: dict[str, tuple[Manifest, Path, Any, str, str]] = {
    "unknown field": (TRAIN_JOB, (*TRAINER, "foo"), 1, "spec.trainer.foo", "unknown field"),
    "unknown field at the top": (TRAIN_JOB, ("Spec",), {}, "Spec", "unknown field"),
    "unknown field deep in a list": (
        INFERENCE_SERVICE,
        (*PREDICTOR, "model", "ports", 0, "hostport"),
        1,
        "spec.predictor.model.ports[0].hostport",
        "unknown field",
    ),
    "unknown field of metadata": (TRAIN_JOB, ("metadata", "label"), {}, "metadata.label", "unknown field"),
    "text for a number": (TRAIN_JOB, (*TRAINER, "numNodes"), "2", "spec.trainer.numNodes", "must be integer"),
    "a boolean is no number": (TRAIN_JOB, (*TRAINER, "numNodes"), True, "spec.trainer.numNodes", "must be integer"),
    "an object for a list": (TRAIN_JOB, (*TRAINER, "args"), {}, "spec.trainer.args", "must be array"),
    "null": (TRAIN_JOB, (*TRAINER, "image"), None, "spec.trainer.image", "must not be null"),
    "over int32": (TRAIN_JOB, (*TRAINER, "numNodes"), 2**31, "spec.trainer.numNodes", "int32"),
    "under the minimum": (TRAIN_JOB, ("spec", "activeDeadlineSeconds"), 0, "spec.activeDeadlineSeconds", "minimum"),
    "over the maximum": (
        ROUTE,
        (*RULE, "backendRefs", 0, "port"),
        70000,
        "spec.rules[0].backendRefs[0].port",
        "maximum",
    ),
    "too short": (TRAIN_JOB, ("spec", "runtimeRef", "name"), "", "spec.runtimeRef.name", "at least 1"),
    "too long": (ROUTE, ("spec", "hostnames", 0), "a" * 254, "spec.hostnames[0]", "at most 253"),
    "too many entries": (ROUTE, ("spec", "hostnames"), [f"a{n}" for n in range(17)], "spec.hostnames", "at most 16"),
    "too few entries": (ROUTE, ("spec", "rules"), [], "spec.rules", "at least 1"),
    "pattern": (ROUTE, ("spec", "hostnames", 0), "A_b", "spec.hostnames[0]", "does not match"),
    "pattern of a map": (
        VIRTUAL_SERVICE,
        ("spec", "http", 0, "route", 0, "destination", "port", "number"),
        -1,
        "spec.http[0].route[0].destination.port.number",
        "under the minimum",
    ),
    "enumeration": (
        ROUTE,
        (*RULE, "matches", 0, "path", "type"),
        "Prefix",
        "spec.rules[0].matches[0].path.type",
        "is none of Exact, PathPrefix, RegularExpression",
    ),
    "int-or-string": (
        INFERENCE_SERVICE,
        (*PREDICTOR, "model", "livenessProbe"),
        {"httpGet": {"port": 1.5}},
        "spec.predictor.model.livenessProbe.httpGet.port",
        "must be integer or string",
    ),
    "quantity": (
        TRAIN_JOB,
        (*TRAINER, "resourcesPerNode", "requests", "cpu"),
        "500 m",
        "spec.trainer.resourcesPerNode.requests.cpu",
        "no quantity",
    ),
    "a map's key with a slash": (
        TRAIN_JOB,
        (*TRAINER, "resourcesPerNode", "limits", "nvidia.com/gpu"),
        "one",
        "spec.trainer.resourcesPerNode.limits[nvidia.com/gpu]",
        "no quantity",
    ),
    "date-time": (
        TRAIN_JOB,
        ("spec", "runtimePatches", 0, "time"),
        "2026-02-30T00:00:00Z",
        "spec.runtimePatches[0].time",
        "no date-time",
    ),
    "repeated key of a list": (
        TRAIN_JOB,
        (*TRAINER, "env", 1),
        {"name": "TOKEN", "value": "x"},
        "spec.trainer.env[1]",
        "repeats entry 0 (name='TOKEN')",
    ),
    "repeated keys, one by default": (
        INFERENCE_SERVICE,
        (*PREDICTOR, "model", "ports", 1),
        {"containerPort": 8080},
        "spec.predictor.model.ports[1]",
        "repeats entry 0 (containerPort=8080, protocol='TCP')",
    ),
    "two of exactly one": (
        VIRTUAL_SERVICE,
        ("spec", "http", 0, "match", 0, "uri", "exact"),
        "/b",
        "spec.http[0].match[0].uri",
        "exactly one",
    ),
    "version": (TRAIN_JOB, ("apiVersion",), "trainer.kubeflow.org/v1", "apiVersion", "no served version"),
    "kind": (TRAIN_JOB, ("kind",), "Trainjob", "apiVersion", "no schema for Trainjob"),
    "name": (TRAIN_JOB, ("metadata", "name"), "a_b", "metadata.name", "DNS-1123"),
    "name of a webhook's": (INFERENCE_SERVICE, ("metadata", "name"), "a.b", "metadata.name", "DNS-1035"),
    "namespace": (TRAIN_JOB, ("metadata", "namespace"), "a.b", "metadata.namespace", "DNS-1123 label"),
    "namespace of a cluster-wide kind": (
        CUSTOM[-1],
        ("metadata", "namespace"),
        "a",
        "metadata.namespace",
        "no namespace",
    ),
    "label key": (TRAIN_JOB, ("metadata", "labels", "a b"), "c", "metadata.labels[a b]", "qualified name"),
    "label value": (TRAIN_JOB, ("metadata", "labels", "a"), "b" * 64, "metadata.labels.a", "label value"),
    "label that is no text": (TRAIN_JOB, ("metadata", "labels", "a"), 1, "metadata.labels.a", "must be string"),
    "annotation that is no text": (
        TRAIN_JOB,
        ("metadata", "annotations"),
        {"a": 1},
        "metadata.annotations.a",
        "string",
    ),
    "annotations too large": (
        TRAIN_JOB,
        ("metadata", "annotations"),
        {"a": "x" * 2**18},
        "metadata.annotations",
        "bytes",
    ),
    "owner without uid": (
        TRAIN_JOB,
        ("metadata", "ownerReferences"),
        [{"apiVersion": "v1", "kind": "Pod", "name": "p"}],
        "metadata.ownerReferences[0].uid",
        "required",
    ),
    "finalizer": (TRAIN_JOB, ("metadata", "finalizers"), ["a b"], "metadata.finalizers[0]", "qualified name"),
    "label of a template": (
        INFERENCE_SERVICE,
        (*PREDICTOR, "labels"),
        {"a": 1},
        "spec.predictor.labels.a",
        "must be string",
    ),
    "object in a template": (
        EXPERIMENT,
        ("spec", "trialTemplate", "trialSpec", "spec", "trainer", "foo"),
        1,
        "spec.trialTemplate.trialSpec.spec.trainer.foo",
        "unknown field",
    ),
    "rule: a Service wants a port": (
        ROUTE,
        (*RULE, "backendRefs", 0),
        {"name": "a"},
        "spec.rules[0].backendRefs[0]",
        "Must have port for Service reference",
    ),
    "rule: durations": (
        ROUTE,
        (*RULE, "timeouts", "backendRequest"),
        "1m",
        "spec.rules[0].timeouts",
        "backendRequest timeout cannot be longer than request timeout",
    ),
    "rule: two references to one parent": (
        ROUTE,
        ("spec", "parentRefs", 1),
        {"name": "gateway", "namespace": "istio-system"},
        "spec.parentRefs",
        "sectionName",
    ),
    "rule at the top": (TRAIN_JOB, ("metadata", "name"), "1a", "(root)", "metadata.name"),
    "rule: one policy of several": (
        CUSTOM[5],
        ("spec", "mlPolicy", "mpi"),
        {"numProcPerNode": 1},
        "spec.mlPolicy",
        "Only one of the policy can be configured",
    ),
}


@needs_crds
@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_one_mistake_is_named_with_its_path(validator: Validator, case: tuple[Manifest, Path, Any, str, str]) -> None:
    manifest, path, value, place, message = case
    problems = validator.problems(changed(manifest, path, value))
    found = [problem for problem in problems if problem.startswith(f"{place}: ")]
    assert [problem for problem in found if message in problem], problems
    assert len(problems) == len(found), "nothing else is reported"


@needs_crds
@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("apiVersion",), "apiVersion"),
        (("kind",), "kind"),
        (("metadata",), "metadata"),
        (("metadata", "name"), "metadata.name"),
        (("spec", "runtimeRef"), "spec.runtimeRef"),
        (("spec", "runtimePatches", 0, "manager"), "spec.runtimePatches[0].manager"),
    ],
    ids=str,
)
def test_what_is_missing_is_named(validator: Validator, path: Path, place: str) -> None:
    problems = validator.problems(without(TRAIN_JOB, path))
    assert [problem.partition(":")[0] for problem in problems] == [place]
    assert "required" in problems[0]


@needs_crds
def test_every_mistake_is_told_at_once(validator: Validator) -> None:
    manifest = changed(changed(TRAIN_JOB, (*TRAINER, "foo"), 1), (*TRAINER, "numNodes"), "x")
    with pytest.raises(
        AssertionError, match=r"TrainJob 'example'(?s:.)*spec\.trainer\.numNodes(?s:.)*spec\.trainer\.foo"
    ):
        validator.require_valid(manifest)


@needs_crds
def test_the_server_sets_defaults_before_it_checks(validator: Validator) -> None:
    """group, kind and path of a route have defaults that its rules rely on."""
    bare = without(ROUTE, (*RULE, "matches"))
    bare = without(bare, (*RULE, "filters"))
    assert validator.problems(bare) == []


@needs_crds
def test_the_derived_schema_of_katib_is_the_one_in_use(validator: Validator) -> None:
    """Katib's own CRDs let every field pass."""
    problems = validator.problems(changed(EXPERIMENT, ("spec", "objectiv"), {}))
    assert problems == ["spec.objectiv: unknown field"]


def structural(schema: dict[str, Any], value: Any) -> list[str]:
    return [str(finding) for finding in structural_findings(Node(schema), value, "spec")]


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "array", "x-kubernetes-list-type": "set"}, ["a", "b"], ["a", "a"]),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"a": 1}, "a"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}, {"a": "b"}),
        ({"type": "string", "nullable": True}, None, 1),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0.5, 0),
        ({"type": "integer", "multipleOf": 2}, 4, 3),
        ({"type": "string", "format": "ipv4"}, "10.0.0.1", "::1"),
        ({"type": "string", "format": "byte"}, "YQ==", "a"),
        ({"type": "string", "format": "duration"}, "1m30s", "soon"),
        ({"type": "integer", "format": "int64"}, 2**63 - 1, 2**63),
        ({"type": "integer", "enum": [1]}, 1, 2),
        (
            {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object", "properties": {"a": {}}},
            {"a": 1},
            {},
        ),
        ({"type": "object", "properties": {"a": {}}, "not": {"required": ["a"]}}, {}, {"a": 1}),
        ({"type": "object", "minProperties": 1, "additionalProperties": True}, {"a": 1}, {}),
        ({"type": "string", "pattern": r"^\d+$"}, "12", "a\n"),
        # Go's dollar is the end of the text, not of its last line.
        ({"type": "string", "pattern": "^a$"}, "a", "a\n"),
    ],
    ids=str,
)
def test_each_keyword_of_a_structural_schema(schema: dict[str, Any], right: Any, wrong: Any) -> None:
    """Keywords that no CRD at hand uses in a way that a change of one value shows, and those that need no CRD."""
    assert structural(schema, right) == []
    assert len(structural(schema, wrong)) == 1


def test_an_embedded_resource_is_checked_as_an_object() -> None:
    schema = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    assert structural(schema, {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b"}}, "x": 1}) == []
    assert structural(schema, {"apiVersion": 1, "kind": "Pod", "metadata": {"labels": {"a": "b c"}}}) == [
        "spec.apiVersion: must be string, not integer (1)",
        "spec.metadata.labels.a: 'b c' is no label value "
        "(up to 63 letters, digits, '-', '_', '.', ends in a letter or digit)",
    ]


def test_a_finding_reads_like_a_sentence() -> None:
    assert str(Finding("spec.a", "is required")) == "spec.a: is required"
    assert str(Finding("", "is no object")) == "(root): is no object"
