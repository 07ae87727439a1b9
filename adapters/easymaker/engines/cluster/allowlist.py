"""A last look at every object before it is sent: only what the engine is meant to set may be in it.

Users' words get into manifests by many ways; what a mistake in a mapping lets through ends here. There is no list of
what is dangerous, as such lists are never complete: what allowed_fields.py does not name is refused.
"""

import re
from typing import Any

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.allowed_fields import (
    ALLOWED,
    FLAG,
    NUMBER,
    REAL,
    Just,
    Keys,
    OneOf,
    Rule,
    Setting,
    Text,
)
from adapters.easymaker.engines.cluster.api_resources import SECRET, resource_of
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json

# What settings are without anybody's wish.
DEFAULTS = ClusterSettings.model_construct()
LONGEST_SHOWN = 80


class _NotAllowed(Exception):
    """``path`` is where, ``problem`` what is wrong there."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path)
        self.path = path
        self.problem = problem


def require_allowed(manifest: Json, cluster: ClusterSettings = DEFAULTS) -> None:
    """Returns when every field of the manifest is one that the engine sets, with a value such as it sets.

    Raises:
        PermanentEngineError: with the kind and the path of the first field that is not.
    """
    try:
        resource = resource_of(manifest)
        namespace = manifest["metadata"]["namespace"]
    except (KeyError, TypeError) as error:
        raise PermanentEngineError("an object of this type is never sent to the cluster") from error
    try:
        _Look(cluster, str(namespace), resource is not SECRET).at(manifest, ALLOWED[resource], "")
    except _NotAllowed as found:
        path = found.path.removeprefix(".")
        raise PermanentEngineError(f"{resource.kind} is not sent to the cluster: {path} {found.problem}") from found


class _Look:
    """One manifest, by the settings of the installation. ``tell``: whether a value may be told in a message."""

    def __init__(self, cluster: ClusterSettings, namespace: str, tell: bool) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._tell = tell

    def at(self, value: Any, rule: Rule, path: str) -> None:
        if isinstance(rule, dict):
            self._object(value, rule, path)
        elif isinstance(rule, Keys):
            self._map(value, rule, path)
        elif isinstance(rule, list):
            self._list(value, rule[0], path)
        elif isinstance(rule, OneOf):
            self._one_of(value, rule, path)
        elif not self._fits(value, rule):
            raise _NotAllowed(path, f"may not be {value!r:.{LONGEST_SHOWN}}" if self._tell else "has a wrong value")

    def _object(self, value: Any, rule: dict[str, Rule], path: str) -> None:
        for name, inner in _items(value, path):
            if name not in rule:
                raise _NotAllowed(f"{path}.{name:.{LONGEST_SHOWN}}", "is no field that the adapter sets")
            self.at(inner, rule[name], f"{path}.{name}")

    def _map(self, value: Any, rule: Keys, path: str) -> None:
        for name, inner in _items(value, path):
            where = f"{path}[{name:.{LONGEST_SHOWN}}]"
            if not re.fullmatch(rule.pattern, name, re.ASCII):
                raise _NotAllowed(where, "is no key that the adapter sets")
            self.at(inner, rule.value, where)

    def _list(self, value: Any, rule: Rule, path: str) -> None:
        if not isinstance(value, list | tuple):
            raise _NotAllowed(path, "has to be a list")
        for number, item in enumerate(value):
            self.at(item, rule, f"{path}[{number}]")

    def _one_of(self, value: Any, rule: OneOf, path: str) -> None:
        deepest: _NotAllowed | None = None
        for alternative in rule.rules:
            try:
                self.at(value, alternative, path)
                return
            except _NotAllowed as found:
                # What goes along with the value for longest is what was meant.
                if deepest is None or len(found.path) > len(deepest.path):
                    deepest = found
        assert deepest is not None
        raise deepest

    def _fits(self, value: Any, rule: Just | Setting | Text | str) -> bool:
        if isinstance(rule, Just):
            return value is rule.value
        if isinstance(rule, Setting):
            return value == rule.shape.format(*str(getattr(self._cluster, rule.field)).split("/"))
        if isinstance(rule, Text):
            pattern = rule.pattern.replace("{namespace}", re.escape(self._namespace))
            return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL | re.ASCII) is not None
        # True is an int to Python.
        return type(value) is {FLAG: bool, NUMBER: int, REAL: float}[rule]


def _items(value: Any, path: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _NotAllowed(path, "has to be an object")
    return list(value.items())
