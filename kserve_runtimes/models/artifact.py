"""Which file of a model directory is the scikit-learn model, and reading it."""

import sys
from pathlib import Path
from typing import Any

from kserve_runtimes.models.errors import ModelLoadError

PREFERRED = "model.joblib"
SUFFIXES = (".joblib", ".pkl", ".pickle")
_LISTED = 10


def find_artifact(location: Path) -> Path:
    """The one model file at this place; raises ModelLoadError when there is none, or no telling which it is."""
    if location.is_file():
        return location
    if not location.is_dir():
        raise ModelLoadError(f"There is no model at {location.name}: the artifact path does not exist.")
    if (location / PREFERRED).is_file():
        return location / PREFERRED
    found = sorted(path for path in location.iterdir() if path.suffix in SUFFIXES and path.is_file())
    if len(found) == 1:
        return found[0]
    if not found:
        raise ModelLoadError(
            f"The model directory has no {' or '.join(f'*{suffix}' for suffix in SUFFIXES)} file; it has "
            f"{_names(sorted(location.iterdir()))}. Save the estimator with joblib.dump(estimator, '{PREFERRED}')."
        )
    raise ModelLoadError(
        f"The model directory has several model files ({_names(found)}) and none is called {PREFERRED}: keep one."
    )


def _names(paths: list[Path]) -> str:
    listed = ", ".join(path.name for path in paths[:_LISTED]) or "no files"
    return f"{listed} and {len(paths) - _LISTED} more" if len(paths) > _LISTED else listed


def load_estimator(location: Path) -> Any:
    """Unpickle the estimator. This runs code of the model's author, so the process must hold no secret."""
    import joblib

    artifact = find_artifact(location)
    # Classes of the author's own may lie beside the model; at the end, so that they hide nothing of ours.
    sys.path.append(str(artifact.parent))
    try:
        estimator = joblib.load(artifact)
    except ModuleNotFoundError as error:
        raise ModelLoadError(
            f"{artifact.name} needs the Python module {error.name}, which the model server does not have."
        ) from error
    except Exception as error:
        raise ModelLoadError(
            f"{artifact.name} cannot be read as a scikit-learn model: {type(error).__name__}: {_first_line(error)}"
        ) from error
    if not callable(getattr(estimator, "predict", None)) and not callable(getattr(estimator, "transform", None)):
        raise ModelLoadError(
            f"{artifact.name} holds a {type(estimator).__name__}, which has neither predict nor transform."
        )
    return estimator


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no message"])[0][:300]
