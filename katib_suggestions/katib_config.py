"""Puts our services into Katib's configuration, which is one YAML document inside one key of a ConfigMap.

A patch can only replace that key whole, and with it whatever this cluster has set; so the entries are merged here, by
the names of their algorithms, and everything else stays.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from katib_suggestions.usage import UsageError

KEY = "katib-config.yaml"
_KIND = "KatibConfig"
_SECTIONS = ("suggestions", "earlyStoppings")
# What the server fills in, and would not take back; its version stays, so that `kubectl replace` refuses an old copy.
_SERVERS_OWN = ("managedFields", "uid", "creationTimestamp", "selfLink", "generation")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

Json = dict[str, Any]


class _Plain(yaml.SafeDumper):
    """No anchors, since people read and compare it; texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _block)


def registered(text: str, *, registry: str = "", algorithms: Collection[str] | None = None) -> str:
    """A KatibConfig, or the ConfigMap that holds one, with our entries in the place of those of the same names.

    ``registry`` is where our images are pulled from; ``algorithms`` are those that are taken over, all by default.
    Raises UsageError for a document that is neither.
    """
    document = _parsed(text)
    if document.get("kind") == "ConfigMap":
        inner = (document.get("data") or {}).get(KEY)
        if not isinstance(inner, str):
            raise UsageError(f"the ConfigMap has no key {KEY}")
        config = _merged(_config(_parsed(inner)), _entries(registry, algorithms))
        return _written(_applicable(document) | {"data": document["data"] | {KEY: _written(config)}})
    return _written(_merged(_config(document), _entries(registry, algorithms)))


def names() -> list[str]:
    """Of all algorithms that are registered."""
    own = _own()
    return [each["algorithmName"] for section in _SECTIONS for each in own[section]]


def _own() -> Json:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))["runtime"]


def _entries(registry: str, algorithms: Collection[str] | None) -> dict[str, list[Json]]:
    unknown = set(algorithms or ()) - set(names())
    if unknown:
        raise UsageError(f"no algorithm here is called {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    prefix = f"{registry.rstrip('/')}/" if registry else ""
    return {
        section: [
            entry | {"image": f"{prefix}{entry['image']}"}
            for entry in entries
            if algorithms is None or entry["algorithmName"] in algorithms
        ]
        for section, entries in _own().items()
    }


def _merged(config: Json, entries: dict[str, list[Json]]) -> Json:
    """Each entry where the one of its name was, new ones at the end."""
    runtime = dict(config.get("runtime") or {})
    for section, ours in entries.items():
        by_name = {entry["algorithmName"]: entry for entry in ours}
        there = runtime.get(section) or []
        replaced = [by_name.pop(entry.get("algorithmName"), entry) for entry in there]
        runtime[section] = [*replaced, *by_name.values()]
    return config | {"runtime": runtime}


def _config(document: Json) -> Json:
    if document.get("kind") != _KIND:
        raise UsageError(f"this is neither a {_KIND} nor a ConfigMap that holds one")
    return document


def _applicable(config_map: Json) -> Json:
    metadata = {name: value for name, value in config_map["metadata"].items() if name not in _SERVERS_OWN}
    annotations = {name: value for name, value in metadata.get("annotations", {}).items() if name != _LAST_APPLIED}
    metadata.pop("annotations", None)
    return config_map | {"metadata": metadata | ({"annotations": annotations} if annotations else {})}


def _parsed(text: str) -> Json:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"this is no YAML document: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise UsageError(f"this is neither a {_KIND} nor a ConfigMap that holds one")
    return document


def _written(document: Json) -> str:
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
