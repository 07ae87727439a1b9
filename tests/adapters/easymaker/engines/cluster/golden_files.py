"""Rendered manifests against files that people read: what a mapping emits changes knowingly or not at all.

EASYMAKER_UPDATE_GOLDEN=1 writes the files anew; the change then shows in the commit.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from adapters.easymaker.engines.cluster.allowlist import require_allowed
from adapters.easymaker.kinds.record import Json
from tests.strict_schema.crds import crds_missing_reason
from tests.strict_schema.validator import Validator

DIRECTORY = Path(__file__).with_name("golden")
UPDATE = "EASYMAKER_UPDATE_GOLDEN"


class _Readable(yaml.SafeDumper):
    """Without aliases, and with texts of several lines as blocks."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Readable.add_representer(str, _text)


def dump(manifests: Sequence[Json]) -> str:
    return yaml.dump_all(manifests, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120)


def require_golden(name: str, manifests: Sequence[Json]) -> None:
    """The manifests are those of golden/{name}.yaml, and may be sent: the allowlist has all of their fields."""
    for manifest in manifests:
        require_allowed(manifest)
    file = DIRECTORY / f"{name}.yaml"
    if os.environ.get(UPDATE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(dump(manifests), "utf-8")
    assert file.is_file(), f"{file} is not there: run with {UPDATE}=1 and read what it writes"
    assert dump(manifests) == file.read_text("utf-8"), f"{file} differs: with {UPDATE}=1 it is written anew"


def require_strictly_valid(manifests: Sequence[Json]) -> None:
    """Every object, to the last field, by the real CRDs; skips where those are not."""
    if reason := crds_missing_reason():
        pytest.skip(reason)
    for manifest in manifests:
        Validator.load().require_valid(manifest)
