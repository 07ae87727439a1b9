"""kfp's artifacts as data: for the state, for the journal, and back."""

import os
from pathlib import Path
from typing import Any, cast

from adapters.easymaker.engines.local.pipeline_run.interface import artifact_path
from adapters.easymaker.pipelines.kfp_modules import kfp

Json = Any

_MARK = "easymaker:artifacts"
# Of one artifact that is a folder; beyond it, its size is a lower bound.
_ENTRIES = 10_000


def is_artifact(value: Json) -> bool:
    return isinstance(value, kfp("kfp.dsl").Artifact)


def several(value: Json) -> list[Json] | None:
    """The artifacts that ``value`` is; None when it is a parameter."""
    if is_artifact(value):
        return [value]
    if isinstance(value, list) and value and all(map(is_artifact, cast("list[Json]", value))):
        return cast("list[Json]", value)
    return None


def described(artifact: Json, root: Path) -> dict[str, Json]:
    """``size`` is None where there is nothing below the artifacts' root: some are metadata alone."""
    return {
        "name": str(artifact.name),
        "type": str(artifact.schema_title),
        "uri": str(artifact.uri),
        "metadata": dict(artifact.metadata),
        "size": size_of(str(artifact.uri), root),
    }


def to_journal(value: Json, root: Path) -> Json:
    found = several(value)
    if found is None:
        return value
    return {_MARK: [described(each, root) for each in found], "list": isinstance(value, list)}


def from_journal(value: Json, root: Path) -> Json:
    """The value of ``to_journal``; FileNotFoundError when an artifact is not as it was left."""
    if not isinstance(value, dict) or _MARK not in value:
        return value
    record = cast("dict[str, Json]", value)
    made = [_restored(each, root) for each in record[_MARK]]
    return made if record["list"] else made[0]


def _restored(record: dict[str, Json], root: Path) -> Json:
    if record["size"] != size_of(record["uri"], root):
        raise FileNotFoundError(record["uri"])
    runtime = {**record, "type": {"schemaTitle": record["type"]}}
    return kfp("kfp.dsl.executor").create_artifact_instance(runtime)


def size_of(uri: str, root: Path) -> int | None:
    """The bytes of a file or folder below ``root``; links are not followed, for tasks can make them."""
    path = artifact_path(uri, root)
    if path is None:
        return None
    return _size_of_folder(path) if path.is_dir() else path.stat().st_size


def _size_of_folder(top: Path) -> int:
    total = seen = 0
    for folder, _, files in os.walk(top):
        for name in files:
            seen += 1
            if seen > _ENTRIES:
                return total
            try:
                total += Path(folder, name).lstat().st_size
            except OSError:
                continue
    return total
