"""The conditions of dsl.If, Elif and Else, evaluated: the part of CEL that kfp's compiler writes, and no more.

What kfp 2.17 writes: comparisons (== != < <= > >=) of ``inputs.parameter_values['name']``, ``int(…)`` or ``double(…)``
of one, and literals; ``!(…)`` of a comparison for the branches before; ``&&`` between them. ``||`` and brackets are
understood as well. Values never become part of an expression, and nothing is ever handed to an interpreter.

Meaning and errors are those of the Go backend (cel-go): numbers compare across int and double, values of other types
are unequal and have no order.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Protocol

from adapters.easymaker.pipelines.condition_text import InvalidCondition, Token, tokens

__all__ = ["Condition", "ConditionError", "InvalidCondition", "parse"]

Json = Any

NESTING_LIMIT = 50

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DOUBLE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)


class ConditionError(ValueError):
    """The condition has no answer for these values: the run fails, as on a cluster, and no branch is guessed."""


class _Node(Protocol):
    def value(self, values: Mapping[str, Json]) -> Json: ...


@dataclass(frozen=True)
class Condition:
    """A parsed condition. ``references`` are the names of the task's inputs that it reads."""

    text: str
    references: frozenset[str]
    _node: _Node

    def evaluate(self, values: Mapping[str, Json]) -> bool:
        """Whether the task runs, given the values of its inputs; ConditionError if that cannot be said."""
        return bool(self._node.value(values))


@dataclass(frozen=True)
class _Literal:
    literal: Json

    def value(self, values: Mapping[str, Json]) -> Json:
        return self.literal


@dataclass(frozen=True)
class _Reference:
    name: str

    def value(self, values: Mapping[str, Json]) -> Json:
        if self.name not in values:
            raise ConditionError(f"the input {self.name} has no value")
        return values[self.name]


@dataclass(frozen=True)
class _Cast:
    to: str
    operand: _Node

    def value(self, values: Mapping[str, Json]) -> Json:
        given = self.operand.value(values)
        return _to_int(given) if self.to == "int" else _to_double(given)


@dataclass(frozen=True)
class _Comparison:
    operator: str
    left: _Node
    right: _Node

    def value(self, values: Mapping[str, Json]) -> bool:
        left, right = self.left.value(values), self.right.value(values)
        kinds = _kind(left), _kind(right)
        if kinds[0] == kinds[1] and (self.operator in ("==", "!=") or kinds[0] != "null"):
            return _COMPARE[self.operator](left, right)
        if self.operator in ("==", "!="):
            return self.operator == "!="
        raise ConditionError(f"a {kinds[0]} and a {kinds[1]} have no order ({self.operator})")


@dataclass(frozen=True)
class _Not:
    operand: _Node

    def value(self, values: Mapping[str, Json]) -> bool:
        return not self.operand.value(values)


@dataclass(frozen=True)
class _Joined:
    """``&&`` (``decisive`` False) or ``||`` (True): one decisive operand answers, whatever is wrong with the others."""

    decisive: bool
    operands: tuple[_Node, ...]

    def value(self, values: Mapping[str, Json]) -> bool:
        failed: ConditionError | None = None
        for operand in self.operands:
            try:
                if operand.value(values) is self.decisive:
                    return self.decisive
            except ConditionError as error:
                failed = failed or error
        if failed:
            raise failed
        return not self.decisive


def parse(text: str) -> Condition:
    """The condition that ``text`` is; InvalidCondition says what was not understood, and where."""
    parser = _Parser(tokens(text))
    node = parser.disjunction(0)
    parser.expect("end")
    return Condition(text, frozenset(parser.references), node)


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    raise ConditionError("a list or a mapping cannot be compared")


def _to_int(given: Json) -> int:
    if isinstance(given, str) and _INTEGER.fullmatch(given):
        value = int(given)
    elif isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given):
        value = math.trunc(given)
    else:
        raise ConditionError(f"int() of {_shown(given)}")
    if not -(2**63) <= value < 2**63:
        raise ConditionError(f"int() of {_shown(given)} does not fit into 64 bits")
    return value


def _to_double(given: Json) -> float:
    if isinstance(given, str) and _DOUBLE.fullmatch(given):
        return float(given)
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    raise ConditionError(f"double() of {_shown(given)}")


def _shown(value: Json) -> str:
    return repr(value)[:60]


def _static(node: _Node) -> str | None:
    """The type that CEL's checker knows before any value is there: it refuses to compare two different ones."""
    if isinstance(node, _Cast):
        return node.to
    if not isinstance(node, _Literal):
        return None
    # A bool is an int to Python, hence first.
    kinds = (("bool", bool), ("int", int), ("double", float))
    return next((name for name, kind in kinds if isinstance(node.literal, kind)), "string")


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0
        self.references: set[str] = set()

    def disjunction(self, depth: int) -> _Node:
        return self._joined("||", True, lambda: self._joined("&&", False, lambda: self._unit(depth)))

    def _joined(self, operator: str, decisive: bool, operand: Callable[[], _Node]) -> _Node:
        operands = [operand()]
        while self._take(operator):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else _Joined(decisive, tuple(operands))

    def _unit(self, depth: int) -> _Node:
        if depth > NESTING_LIMIT:
            raise InvalidCondition(f"nested deeper than {NESTING_LIMIT} levels", self._peek().at)
        if self._take("!"):
            self.expect("(", ahead=True)
            return _Not(self._unit(depth + 1))
        if self._take("("):
            inner = self.disjunction(depth + 1)
            self.expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> _Node:
        left = self._operand(0)
        operator = self._peek()
        if operator.kind not in _COMPARE:
            raise InvalidCondition(f"a comparison is expected, not {operator.shown}", operator.at)
        self._next += 1
        right = self._operand(0)
        types = _static(left), _static(right)
        if None not in types and types[0] != types[1]:
            raise InvalidCondition(f"values of two types are compared ({types[0]} and {types[1]})", operator.at)
        return _Comparison(operator.kind, left, right)

    def _operand(self, depth: int) -> _Node:
        token = self._peek()
        self._next += 1
        if token.kind == "literal":
            return _Literal(token.value)
        if token.kind in ("int", "double"):
            if depth > 1:
                raise InvalidCondition("casts are nested too deep", token.at)
            self.expect("(")
            operand = self._operand(depth + 1)
            self.expect(")")
            return _Cast(token.kind, operand)
        if token.kind == "inputs.parameter_values":
            return self._reference()
        raise InvalidCondition(f"a parameter or a value is expected, not {token.shown}", token.at)

    def _reference(self) -> _Node:
        self.expect("[")
        token = self._peek()
        if token.kind != "literal" or not isinstance(token.value, str):
            raise InvalidCondition("a parameter's name in quotes is expected", token.at)
        self._next += 1
        self.expect("]")
        self.references.add(token.value)
        return _Reference(token.value)

    def expect(self, kind: str, ahead: bool = False) -> None:
        token = self._peek()
        if token.kind != kind:
            raise InvalidCondition(f"{kind} is expected, not {token.shown}", token.at)
        self._next += not ahead

    def _take(self, kind: str) -> bool:
        found = self._peek().kind == kind
        self._next += found
        return found

    def _peek(self) -> Token:
        return self._tokens[self._next]
