"""One mistake in a manifest: where it is, written the way a person would look for it, and what is wrong."""

import re
from dataclasses import dataclass
from typing import Any

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Finding:
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or '(root)'}: {self.message}"


def child(path: str, name: object) -> str:
    """The path of a field; a key that is no plain word is set in brackets: ``metadata.labels[example.com/a]``."""
    text = str(name)
    if not PLAIN.fullmatch(text):
        return f"{path}[{text}]"
    return f"{path}.{text}" if path else text


def element(path: str, index: int) -> str:
    return f"{path}[{index}]"


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def type_of(value: Any) -> str:
    """The JSON type of a value."""
    names: list[tuple[type, str]] = [
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (dict, "object"),
        (list, "array"),
        (type(None), "null"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), type(value).__name__)
