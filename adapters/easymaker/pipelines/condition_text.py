"""A condition's text cut into tokens, by CEL's rules for literals."""

import re
from dataclasses import dataclass
from typing import Any

LENGTH_LIMIT = 20_000

_TOKEN = re.compile(
    r"""(?P<space>[ \t\n\r\f]+)
      | (?P<name>inputs\.parameter_values\b|[A-Za-z_]\w*)
      | (?P<number>-?(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+))
      | (?P<text>'''|\"\"\"|'(?:[^'\\\n\r]|\\.)*'|"(?:[^"\\\n\r]|\\.)*")
      | (?P<sign>==|!=|<=|>=|&&|\|\||[<>!()\[\]])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
_KEYWORDS = {"true": True, "false": False}
_NAMES = {"int", "double", "inputs.parameter_values"}
_UNESCAPED = "kfp writes quotes and backslashes of a compared text unescaped; write \\\\' and \\\\\\\\ in the pipeline"


class InvalidCondition(ValueError):
    """The text is no condition that kfp's compiler means to write; ``at`` is where, from 0."""

    def __init__(self, problem: str, at: int) -> None:
        super().__init__(f"at character {at + 1}: {problem}")
        self.at = at


@dataclass(frozen=True)
class Token:
    """``kind`` is ``literal`` (with ``value``), ``end``, or the sign or name itself."""

    kind: str
    at: int
    shown: str
    value: Any = None


def tokens(text: str) -> list[Token]:
    if len(text) > LENGTH_LIMIT:
        raise InvalidCondition(f"longer than {LENGTH_LIMIT} characters", LENGTH_LIMIT)
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            hint = f"; {_UNESCAPED}" if text[at] in "'\"\\" else ""
            raise InvalidCondition(f"{text[at : at + 20]!r} is not understood{hint}", at)
        if token := _token(match, found):
            found.append(token)
        at = match.end()
    return [*found, Token("end", at, "the end")]


def _token(match: re.Match[str], before: list[Token]) -> Token | None:
    text, at = match.group(), match.start()
    if match.lastgroup == "space":
        return None
    if (
        before
        and before[-1].kind in ("literal", "name")
        and before[-1].at + len(before[-1].shown) == at
        and text[0] not in "=!<>&|)]"
    ):
        raise InvalidCondition(f"{text[:20]!r} right after {before[-1].shown[:40]}; {_UNESCAPED}", at)
    if match.lastgroup == "sign":
        return Token(text, at, text)
    if match.lastgroup == "name":
        return _name(text, at)
    if match.lastgroup == "number":
        return Token("literal", at, text, _number(text, at))
    return Token("literal", at, text, _unquoted(text, at))


def _name(text: str, at: int) -> Token:
    if text in _KEYWORDS:
        return Token("literal", at, text, _KEYWORDS[text])
    if text not in _NAMES:
        raise InvalidCondition(f"{text[:40]} is not known here", at)
    return Token(text, at, text)


def _number(text: str, at: int) -> int | float:
    if not set(text) <= set("-0123456789"):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise InvalidCondition(f"{text[:40]} is too large for a double", at)
        return value
    if len(text) > 25 or not -(2**63) <= int(text) < 2**63:
        raise InvalidCondition(f"{text[:40]} does not fit into 64 bits", at)
    return int(text)


def _unquoted(text: str, at: int) -> str:
    if len(text) == 3 and text[0] == text[1] == text[2]:
        raise InvalidCondition(f"text in triple quotes is not understood; {_UNESCAPED}", at)

    def character(match: re.Match[str]) -> str:
        code = next((int(digits, 16) for digits in match.groups()[:3] if digits), None)
        if match.group(4):
            code = int(match.group(4), 8)
        if code is not None:
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise InvalidCondition(f"{match.group()} is no character", at + match.start())
            return chr(code)
        simple = _SIMPLE.get(match.group(5))
        if simple is None:
            raise InvalidCondition(f"{match.group()[:2]!r} is no escape; {_UNESCAPED}", at + match.start())
        return simple

    return _ESCAPE.sub(character, text[1:-1])
