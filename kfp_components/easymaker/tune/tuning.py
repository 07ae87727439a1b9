"""A tuning as a step of a pipeline, by EasyMaker or by a loop of its own."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from kfp_components.easymaker.easymaker_api.client import EasyMakerApi
from kfp_components.easymaker.easymaker_api.settings import ApiSettings
from kfp_components.easymaker.easymaker_api.storage_access import storage_environment
from kfp_components.easymaker.runs.artifact import Artifact
from kfp_components.easymaker.runs.results import keep_model
from kfp_components.easymaker.tune.local_loop import tune_locally
from kfp_components.easymaker.tune.plan import Tuning, TuningInvalid, TuningResult
from kfp_components.easymaker.tune.remote import fetch_best, tune_remotely
from kserve_runtimes.storage.options import StorageOptions

AUTO, EASYMAKER, LOCAL = "auto", "easymaker", "local"


@dataclass(frozen=True)
class Outputs:
    best_model: Artifact
    trials: Artifact


def tune(tuning: Tuning, engine: str, outputs: Outputs, name: str = "") -> TuningResult:
    """Raises TuningInvalid, TuningFailed, and what the engine raises."""
    if engine not in (AUTO, EASYMAKER, LOCAL):
        raise TuningInvalid(f"engine {engine!r} is none of {AUTO}, {EASYMAKER}, {LOCAL}")
    remote = engine == EASYMAKER or (engine == AUTO and ApiSettings.found_in() is not None)
    result = _by_easymaker(tuning, outputs, name) if remote else _by_loop(tuning, outputs)
    Path(outputs.trials.path).write_text(result.markdown(tuning.goal.metric), encoding="utf-8")
    metadata = outputs.best_model.metadata
    metadata[tuning.goal.metric] = result.best.value
    metadata["hyperparameters"] = dict(result.best.parameters)
    if result.tuning_id:
        metadata["tuningId"] = result.tuning_id
    return result


def _by_easymaker(tuning: Tuning, outputs: Outputs, name: str) -> TuningResult:
    with EasyMakerApi.connect() as api, storage_environment() as environ:
        result = tune_remotely(api, name or f"tune-{uuid4().hex[:8]}", tuning, environ)
        uri = fetch_best(tuning, result, Path(outputs.best_model.path), StorageOptions.from_env(environ))
    outputs.best_model.metadata["modelUploadUri"] = uri
    return result


def _by_loop(tuning: Tuning, outputs: Outputs) -> TuningResult:
    with tempfile.TemporaryDirectory(prefix="tune-") as directory, storage_environment() as environ:
        result, model = tune_locally(tuning, Path(directory), environ)
        options = StorageOptions.from_env(environ)
        uri = f"{tuning.model_upload_uri.rstrip('/')}/{result.best.name}" if tuning.model_upload_uri else ""
        keep_model(model, Path(outputs.best_model.path), uri, options)
    if uri:
        outputs.best_model.metadata["modelUploadUri"] = uri
    return result
