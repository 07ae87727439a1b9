"""From what a program left behind to the artifacts of a step."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from kserve_runtimes.storage.errors import StorageError
from kserve_runtimes.storage.options import StorageOptions
from kserve_runtimes.storage.transfer import upload

# A program may write its metrics here, into EM_MODEL_DIR: a JSON object of numbers. They win over those in its log.
METRICS_FILE = "metrics.json"


class ResultsInvalid(Exception):
    """The text says which file, and what is wrong with it."""


def keep_model(model: Path, artifact: Path, upload_uri: str, options: StorageOptions) -> None:
    """Move a model to where its artifact belongs, and bring a copy to storage where one is asked for.

    Raises:
        ResultsInvalid: it cannot be brought there; the artifact has it nevertheless.
    """
    move_into(model, artifact)
    if not upload_uri or not any(artifact.iterdir()):
        return
    try:
        summary = upload(artifact, upload_uri, options)
    except StorageError as error:
        raise ResultsInvalid(f"The model could not be uploaded to {upload_uri}: {error}") from error
    print(f"uploaded the model to {upload_uri}: {summary.files} file(s)", flush=True)  # noqa: T201 - a step's log


def move_into(source: Path, target: Path) -> None:
    """``target`` is a directory afterwards, with what was in ``source``; KFP may have made it already."""
    target.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        for entry in source.iterdir():
            shutil.move(entry, target / entry.name)


def metrics_of(model: Path, logged: Mapping[str, float]) -> dict[str, float]:
    """Those of the metrics file, else the last values that the log has.

    Raises:
        ResultsInvalid: the file is no JSON object of numbers.
    """
    path = model / METRICS_FILE
    if not path.is_file():
        return dict(logged)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ResultsInvalid(f"{METRICS_FILE} in EM_MODEL_DIR is not JSON: {error}") from None
    numbers = isinstance(found, dict) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in found.values()
    )
    if not numbers:
        raise ResultsInvalid(f"{METRICS_FILE} in EM_MODEL_DIR must be a JSON object of numbers")
    return {str(name): float(value) for name, value in found.items()}
