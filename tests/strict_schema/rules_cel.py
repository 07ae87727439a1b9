"""The CEL rules of CRDs (x-kubernetes-validations), run as the API server runs them on an object that is created."""

import functools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

from tests.strict_schema.cel_functions import kubernetes_functions
from tests.strict_schema.finding import Finding, child, element
from tests.strict_schema.node import OBJECT_META, Node

# A rule with oldSelf compares two states of an object; a manifest is one.
TRANSITION = re.compile(r"\boldSelf\b")
RESERVED = {
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "void", "while",
}  # fmt: skip
ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
# What a rule may see of metadata.
VISIBLE_METADATA = ("name", "generateName")


@functools.cache
def environment() -> Any:
    return cel.NewEnv(
        variables={"self": cel.Type.DYN},
        functions=kubernetes_functions(),
        extensions=[
            ext_bindings.ExtBindings(),
            ext_encoders.ExtEncoders(),
            ext_math.ExtMath(),
            ext_optional.ExtOptional(),
            ext_strings.ExtStrings(),
        ],
    )


@functools.cache
def compiled(rule: str) -> Any:
    """The program of a rule, or the exception that says why there is none."""
    try:
        return environment().compile(rule)
    except Exception as error:
        # The library has no base of its own: whatever it says is told, never passed over.
        return error


def is_transition(rule: str) -> bool:
    return bool(TRANSITION.search(rule))


@functools.cache
def field_name(name: str) -> str:
    """How a rule writes a field whose name is no identifier, or a word of the language."""
    if name in RESERVED:
        return f"__{name}__"
    # The first escape must not see the underscores that the others write.
    parts = name.split("__")
    for plain, escaped in ESCAPES[1:]:
        parts = [part.replace(plain, escaped) for part in parts]
    return ESCAPES[0][1].join(parts)


def cel_value(node: Node | None, value: Any) -> Any:
    """A value as its rules see it: known fields only, their names escaped, numbers of the schema's type."""
    if node is None or value is None:
        return value
    if isinstance(value, dict):
        if node.raw.get(OBJECT_META):
            return {name: value[name] for name in VISIBLE_METADATA if name in value}
        if node.additional is not None:
            return {name: cel_value(node.additional, inner) for name, inner in value.items()}
        known = {name: inner for name, inner in value.items() if name in node.properties}
        return {field_name(name): cel_value(node.child(name), inner) for name, inner in known.items()}
    if isinstance(value, list):
        return [cel_value(node.items, inner) for inner in value]
    return float(value) if node.type == "number" else value


class Rules:
    """Evaluates rules, and counts how often each was evaluated or left out as a transition rule."""

    def __init__(self) -> None:
        self.evaluated: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def findings(self, node: Node, value: Any, path: str = "") -> Iterator[Finding]:
        for rule in node.rules if value is not None else []:
            if problem := self._problem(node, rule, value):
                yield Finding(path, problem)
        if isinstance(value, dict):
            for name, inner in value.items():
                if (known := node.child(str(name))) is not None:
                    yield from self.findings(known, inner, child(path, name))
        elif isinstance(value, list) and node.items is not None:
            for index, inner in enumerate(value):
                yield from self.findings(node.items, inner, element(path, index))

    def _problem(self, node: Node, rule: dict[str, str], value: Any) -> str | None:
        text = rule["rule"]
        if is_transition(text):
            self.skipped[text] += 1
            return None
        self.evaluated[text] += 1
        holds, why = evaluate(text, cel_value(node, value))
        if holds:
            return None
        return f"{rule.get('message') or 'a rule does not hold'} ({why or text})"


def evaluate(rule: str, value: Any) -> tuple[bool, str]:
    """Whether a rule holds, and why not where it is not simply false."""
    program = compiled(rule)
    if isinstance(program, Exception):
        return False, f"the rule cannot be compiled: {rule}: {program}"
    result = program.eval(data={"self": value})
    if result.type() == cel.Type.BOOL:
        return bool(result.value()), ""
    return False, f"the rule cannot be evaluated: {rule}: {result.value()}"
