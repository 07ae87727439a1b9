"""Which parameters of a model are secrets, and what may be kept and shown of them: the name, never the value."""

import re
from collections.abc import Iterable

from adapters.easymaker.kinds.record import Json

HIDDEN = "********"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = re.compile(r"(token|passwords?|passwd|passphrase|secrets?|credentials?|authorization|bearer|apikey)$")
_KEY = re.compile(r"(api|access|private|secret|auth|account|encryption|signing|ssh)$")
# Tokens of a language model's vocabulary are settings: the model server needs them as arguments.
_VOCABULARY = frozenset({"pad", "eos", "bos", "unk", "sep", "cls", "mask", "image", "special"})


def is_secret(name: str) -> bool:
    """Whether a parameter of this name holds a secret, such as ``hf_token``, ``dbPassword`` or ``API-KEY``."""
    words = [word.lower() for word in _WORD.findall(name)]
    for position, word in enumerate(words):
        before = words[position - 1] if position else ""
        if _SECRET.search(word) and not (word == "token" and before in _VOCABULARY):
            return True
        if word in ("key", "keys") and _KEY.search(before):
            return True
    return False


def split(parameters: Iterable[Json]) -> tuple[list[Json], dict[str, str]]:
    """The list as it may be stored, and the values that must not be."""
    stored: list[Json] = []
    secrets: dict[str, str] = {}
    for parameter in parameters:
        name, value = str(parameter["parameterName"]), str(parameter["parameterValue"])
        if is_secret(name):
            secrets[name] = value
            stored.append({"parameterName": name, "isSecret": True})
        else:
            stored.append(parameter)
    return stored, secrets


def shown(parameters: Iterable[Json]) -> list[Json]:
    """The stored list as answers show it."""
    return [
        {"parameterName": p["parameterName"], "parameterValue": p.get("parameterValue", HIDDEN)} for p in parameters
    ]
