"""Manifests as YAML that people read and that kubectl understands as it was meant.

kubectl reads YAML 1.1 in Go's way, which takes more for a number or a truth value than PyYAML does: ``1e3`` and ``y``
are no texts there. Whatever could be one is quoted.
"""

import re
from collections.abc import Sequence

import yaml

from adapters.easymaker.kinds.record import Json

WIDTH = 120
_LIKE_A_NUMBER = re.compile(r"[-+.0-9]")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class _Dumper(yaml.SafeDumper):
    """Without anchors: each document stands for itself."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if "\n" in value:
        style = "|"
    elif _LIKE_A_NUMBER.match(value) or value.lower() in _WORDS:
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def documents(manifests: Sequence[Json]) -> str:
    """One document each, begun by ``---``; empty without manifests."""
    return yaml.dump_all(
        manifests, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, explicit_start=True
    )
