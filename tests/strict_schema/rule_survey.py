"""Which rules of a CRD can be evaluated here at all: a test holds the list of those that cannot."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.strict_schema.crds import CustomKind
from tests.strict_schema.finding import child
from tests.strict_schema.node import Node
from tests.strict_schema.rules_cel import cel_value, compiled, evaluate, is_transition
from tests.strict_schema.sample import sample_of


@dataclass
class Survey:
    """Places with a rule, over all served versions; a rule may stand at several places."""

    evaluable: list[str] = field(default_factory=list)
    transitions: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    # They compile, and stop with an error on a value that has every field.
    stopping: list[str] = field(default_factory=list)


def survey(kind: CustomKind) -> Survey:
    result = Survey()
    for version, root in kind.served.items():
        for path, rule, node in _rules(root, ""):
            place = f"{kind.name} {version} {path or '(root)'}: {rule}"
            if is_transition(rule):
                result.transitions.append(place)
            elif isinstance(compiled(rule), Exception):
                result.broken.append(place)
            else:
                result.evaluable.append(place)
                holds, why = evaluate(rule, cel_value(node, sample_of(node)))
                if not holds and why:
                    result.stopping.append(f"{place}: {why}")
    return result


def _rules(node: Node, path: str) -> Iterator[tuple[str, str, Node]]:
    for rule in node.rules:
        yield path, rule["rule"], node
    for name in node.properties:
        inner = node.child(name)
        if inner is not None:
            yield from _rules(inner, child(path, name))
    if node.items is not None:
        yield from _rules(node.items, f"{path}[]")
    if node.additional is not None:
        yield from _rules(node.additional, f"{path}{{}}")
