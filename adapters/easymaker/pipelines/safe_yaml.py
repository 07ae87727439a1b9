"""YAML from anybody into plain JSON values: no aliases, no tags, no duplicate keys; size, depth and nodes are capped.

The caps hold while reading, from libyaml's events, so that nothing large is ever built. Plain scalars mean what they
mean to kfp's own loader (YAML 1.1), except that a date stays text.
"""

from dataclasses import dataclass
from typing import Any, cast

import yaml
from yaml.constructor import SafeConstructor

from adapters.easymaker.pipelines.problems import InvalidPipeline

Json = Any

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER_LIMIT = 2**63
_KEY_LIMIT = 1_000
_PREFIX = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Limits:
    size: int = 1024 * 1024
    depth: int = 64
    nodes: int = 100_000
    documents: int = 2


DEFAULT_LIMITS = Limits()


def read_documents(text: str | bytes, limits: Limits = DEFAULT_LIMITS) -> list[Json]:
    """All documents of ``text``; InvalidPipeline, naming the line, for whatever is not plain data."""
    loader = _LOADER(_decoded(text, limits.size))
    try:
        return _Reader(loader, limits).documents()
    except yaml.YAMLError as error:
        raise InvalidPipeline([f"not valid YAML: {_told(error)}"]) from None
    finally:
        loader.dispose()


def mapping(value: Json) -> dict[str, Json] | None:
    """``value`` if it is a mapping; its keys are text, as everything that is read here."""
    return cast("dict[str, Json]", value) if isinstance(value, dict) else None


def _decoded(text: str | bytes, size: int) -> str:
    if len(text) > size:
        raise InvalidPipeline([f"the document is larger than {size} bytes"])
    try:
        raw = text.encode() if isinstance(text, str) else text
        decoded = raw.decode("utf-8-sig")
    except UnicodeError:
        raise InvalidPipeline(["the document is not UTF-8 text"]) from None
    if len(raw) > size:
        raise InvalidPipeline([f"the document is larger than {size} bytes"])
    return decoded


def _told(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


class _Reader:
    def __init__(self, loader: Any, limits: Limits) -> None:
        self._loader = loader
        self._limits = limits
        self._nodes = 0
        self._constructor = SafeConstructor()

    def documents(self) -> list[Json]:
        found: list[Json] = []
        while True:
            event = self._loader.get_event()
            if isinstance(event, yaml.StreamEndEvent):
                return found
            if isinstance(event, yaml.DocumentStartEvent):
                if len(found) == self._limits.documents:
                    raise InvalidPipeline([f"more than {self._limits.documents} YAML documents"])
                found.append(self._value(self._loader.get_event(), 0))

    def _value(self, event: Any, depth: int) -> Json:
        self._check(event, depth)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(depth)
        return self._mapping(depth)

    def _check(self, event: Any, depth: int) -> None:
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            raise InvalidPipeline([f"more than {self._limits.nodes} values"])
        if depth > self._limits.depth:
            raise self._wrong(event, f"nested deeper than {self._limits.depth} levels")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._wrong(event, "anchors and aliases are not allowed: write the value out")
        if event.tag is not None:
            raise self._wrong(event, f"tags are not allowed: {event.tag[:100]}")

    def _sequence(self, depth: int) -> list[Json]:
        items: list[Json] = []
        while not isinstance(event := self._loader.get_event(), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Json]:
        found: dict[str, Json] = {}
        while not isinstance(event := self._loader.get_event(), yaml.MappingEndEvent):
            key = self._key(event, depth + 1)
            if key in found:
                raise self._wrong(event, f"the key {key[:100]!r} is there twice")
            found[key] = self._value(self._loader.get_event(), depth + 1)
        return found

    def _key(self, event: Any, depth: int) -> str:
        self._check(event, depth)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._wrong(event, "a key must be text")
        key = self._scalar(event, key=True)
        if not isinstance(key, str):
            raise self._wrong(event, f"the key {event.value[:100]} must be text: put it in quotes")
        if len(key) > _KEY_LIMIT:
            raise self._wrong(event, f"a key is longer than {_KEY_LIMIT} characters")
        return key

    def _scalar(self, event: Any, key: bool = False) -> Json:
        text: str = event.value
        if "\0" in text or not _encodable(text):
            raise self._wrong(event, "the text holds a NUL or half a surrogate pair")
        if not event.implicit[0]:
            return text
        tag = self._loader.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_PREFIX)
        if tag == "merge" and key:
            raise self._wrong(event, "merge keys are not allowed: write the values out")
        read = {"null": _null, "bool": self._boolean, "int": self._integer, "float": self._float}.get(tag)
        return text if read is None else read(event)

    def _boolean(self, event: Any) -> bool:
        return bool(SafeConstructor.bool_values[event.value.lower()])

    def _integer(self, event: Any) -> int:
        # Its digits first: reading a number of a million digits would take minutes.
        value = _INTEGER_LIMIT
        if len(event.value) <= 80:
            value = self._number(self._constructor.construct_yaml_int, "int", event)
        if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
            raise self._wrong(event, "the number does not fit into 64 bits")
        return value

    def _float(self, event: Any) -> float:
        value = self._number(self._constructor.construct_yaml_float, "float", event)
        if value != value or value in (float("inf"), float("-inf")):
            raise self._wrong(event, "the number is not finite")
        return value

    def _number(self, construct: Any, tag: str, event: Any) -> Any:
        try:
            return construct(yaml.ScalarNode(_PREFIX + tag, event.value))
        except (ValueError, OverflowError):
            raise self._wrong(event, f"{event.value[:100]} is no number: put it in quotes") from None

    def _wrong(self, event: Any, what: str) -> InvalidPipeline:
        return InvalidPipeline([f"line {event.start_mark.line + 1}: {what}"])


def _null(_event: Any) -> None:
    return None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
