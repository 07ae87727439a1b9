"""CEL rules: those of the CRDs that we emit objects for can all be evaluated; a broken rule is never passed over."""

from typing import Any

import pytest

from tests.strict_schema.crds import needs_crds
from tests.strict_schema.examples import ROUTE
from tests.strict_schema.node import Node
from tests.strict_schema.rule_survey import survey
from tests.strict_schema.rules_cel import Rules, cel_value, evaluate, field_name
from tests.strict_schema.validator import Validator

# Per CRD: places with a rule that is evaluated, places with a transition rule (it needs the state before).
TOUCHED = {
    "authorizationpolicies.security.istio.io": (14, 0),
    "clusterservingruntimes.serving.kserve.io": (0, 0),
    "clusterstoragecontainers.serving.kserve.io": (0, 0),
    "clustertrainingruntimes.trainer.kubeflow.org": (5, 6),
    "experiments.kubeflow.org": (0, 0),
    "gateways.gateway.networking.k8s.io": (32, 0),
    "httproutes.gateway.networking.k8s.io": (178, 0),
    "inferenceservices.serving.kserve.io": (0, 0),
    "profiles.kubeflow.org": (0, 0),
    "referencegrants.gateway.networking.k8s.io": (0, 0),
    "servingruntimes.serving.kserve.io": (0, 0),
    "tensorboards.tensorboard.kubeflow.org": (0, 0),
    "trainingruntimes.trainer.kubeflow.org": (5, 6),
    "trainjobs.trainer.kubeflow.org": (6, 13),
    "virtualservices.networking.istio.io": (18, 0),
}
# Rules that the library cannot compile, by name: none. Whoever adds one says why here.
NOT_EVALUABLE: set[str] = set()


@needs_crds
@pytest.mark.parametrize("name", TOUCHED)
def test_every_rule_of_a_crd_can_be_evaluated(validator: Validator, name: str) -> None:
    kind = validator.custom.named(name)
    assert kind is not None
    found = survey(kind)
    assert set(found.broken) == NOT_EVALUABLE & set(found.broken)
    assert found.stopping == []
    assert (len(found.evaluable), len(found.transitions)) == TOUCHED[name]


@needs_crds
def test_rules_are_counted_as_they_run(validator: Validator) -> None:
    """A validator that silently skipped rules would look like one that finds no mistake."""
    fresh = Validator(validator.custom, validator.builtin)
    assert fresh.problems(ROUTE) == []
    assert len(fresh.rules.evaluated) > 30
    assert not fresh.rules.skipped


def rule_problems(rule: str, value: Any, schema: dict[str, Any] | None = None) -> list[str]:
    node = Node(
        {**(schema or {"x-kubernetes-preserve-unknown-fields": True}), "x-kubernetes-validations": [{"rule": rule}]}
    )
    return [str(finding) for finding in Rules().findings(node, value, "spec")]


def test_a_rule_that_cannot_be_compiled_is_a_problem() -> None:
    found = rule_problems("unheardOf(self)", "a")
    assert len(found) == 1
    assert "cannot be compiled" in found[0]


def test_a_rule_that_cannot_be_evaluated_is_a_problem() -> None:
    found = rule_problems("self.a == 1", {})
    assert len(found) == 1
    assert "cannot be evaluated" in found[0]


def test_a_transition_rule_is_counted_and_not_run() -> None:
    rules = Rules()
    node = Node({"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]})
    assert list(rules.findings(node, "a")) == []
    assert rules.skipped.total() == 1


@pytest.mark.parametrize(
    "rule",
    [
        "isURL('https://example.com/a')",
        "!isURL('example.com')",
        "url('https://example.com:81/a?b=c').getScheme() == 'https'",
        "url('https://example.com:81/a').getHost() == 'example.com:81'",
        "url('https://example.com:81/a').getPort() == '81'",
        "isIP('10.0.0.1') && isIP('::1') && !isIP('10.0.0')",
        "isCIDR('10.0.0.0/8')",
        "isQuantity('500m') && !isQuantity('5 m')",
        "quantity('1Gi').isGreaterThan(quantity('1G'))",
        "quantity('1').compareTo(quantity('1000m')) == 0",
        "'abc 123'.find('[0-9]+') == '123'",
        "[1, 2].isSorted() && !['b', 'a'].isSorted()",
        "'unix:///a'.substring(7, 8) == '/'",
        "'a,b'.split(',').size() == 2",
        "'A'.lowerAscii() == 'a'",
        "self.?missing.orValue('x') == 'x'",
        "!has(self.missing)",
        "duration('1m') > duration('1s')",
        "'é'.size() == 1",
        "'ab'.matches('^a') && !'ab'.matches('^b')",
        "{'a': 1}.all(key, key == 'a')",
    ],
)
def test_a_function_that_rules_may_use(rule: str) -> None:
    assert evaluate(rule, {}) == (True, "")


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("namespace", "__namespace__"),
        ("a-b", "a__dash__b"),
        ("a.b/c", "a__dot__b__slash__c"),
        ("a__b", "a__underscores__b"),
    ],
)
def test_a_field_is_named_as_kubernetes_escapes_it(name: str, escaped: str) -> None:
    assert field_name(name) == escaped


def test_a_rule_sees_only_what_the_schema_declares() -> None:
    schema = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"namespace": {"type": "string"}, "share": {"type": "number"}},
    }
    seen = cel_value(Node(schema), {"namespace": "a", "share": 1, "other": 2})
    assert seen == {"__namespace__": "a", "share": 1.0}
    assert isinstance(seen["share"], float)
