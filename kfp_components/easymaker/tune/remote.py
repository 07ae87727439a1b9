"""A tuning of EasyMaker: created, followed to its end, stopped if this step is."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kfp_components.easymaker.easymaker_api.client import EasyMakerApi, Json
from kfp_components.easymaker.easymaker_api.errors import ApiRefused, ResourceFailed
from kfp_components.easymaker.easymaker_api.lookups import experiment_id, flavor_id, image_id
from kfp_components.easymaker.runs.launcher_process import stopped_by_signal
from kfp_components.easymaker.runs.metric_log import DEFAULT_REGEX
from kfp_components.easymaker.runs.program import text_of
from kfp_components.easymaker.tune.plan import TrialResult, Tuning, TuningFailed, TuningInvalid, TuningResult
from kfp_components.easymaker.tune.search_space import fixed, wire
from kserve_runtimes.storage import transfer
from kserve_runtimes.storage.options import StorageOptions

PLURAL, KEY = "hyperparameter-tunings", "hyperparameterTuning"
STRATEGIES = {"bayesian": "BAYESIAN_OPTIMIZATION", "random": "RANDOM", "grid": "GRID"}


def tune_remotely(api: EasyMakerApi, name: str, tuning: Tuning, environ: Mapping[str, str]) -> TuningResult:
    """Raises TuningFailed or ApiError."""
    body = _body(api, name, tuning, environ)
    tuning_id = api.create(PLURAL, KEY, body)[f"{KEY}Id"]

    try:
        with stopped_by_signal(lambda: _stop(tuning_id)):
            done = api.wait(PLURAL, KEY, tuning_id)
    except ResourceFailed as failed:
        raise TuningFailed(str(failed)) from None
    return _result(tuning_id, done, api.get(f"/{PLURAL}/{tuning_id}/trials")["trialList"])


def _stop(tuning_id: str) -> None:
    """In a thread with a client of its own: a signal may have come in the middle of a request."""

    def ask() -> None:
        with EasyMakerApi.connect() as api:
            api.put(f"/{PLURAL}/{tuning_id}/stop")

    threading.Thread(target=ask, name="stop", daemon=True).start()


def fetch_best(tuning: Tuning, result: TuningResult, directory: Path, options: StorageOptions) -> str:
    """The model of the best trial, into ``directory``; its URI."""
    uri = f"{tuning.model_upload_uri.rstrip('/')}/{result.best.name}"
    transfer.download(uri, directory, options)
    return uri


def _body(api: EasyMakerApi, name: str, tuning: Tuning, environ: Mapping[str, str]) -> Json:
    """Every hyperparameter is part of the search, for an EasyMaker tuning has no others."""
    program, goal, search, where = tuning.program, tuning.goal, tuning.search, tuning.platform
    if not (tuning.model_upload_uri and where.image and where.flavor):
        raise TuningInvalid("a tuning of EasyMaker needs model_upload_uri, image and flavor")
    constant = {key: text_of(value) for key, value in program.hyperparameters.items()}
    hyperparameters = (*tuning.parameters, *fixed(constant))
    median = {"earlyStoppingAlgorithm": "MEDIAN"} if search.early_stopping else {}
    body = {
        "hyperparameterTuningName": name,
        "experimentId": _experiment(api, name, where.experiment, environ),
        "imageId": image_id(api, where.image),
        "flavorId": flavor_id(api, where.flavor),
        "sourceDirUri": program.source_dir_uri,
        "entryPoint": program.entry_point,
        "datasetList": [{"datasetName": key, "dataUri": uri} for key, uri in program.datasets.items()],
        "checkPointInputUri": program.checkpoint_input_uri or None,
        "checkPointUploadUri": program.checkpoint_upload_uri or None,
        "modelUploadUri": tuning.model_upload_uri,
        "dataStorageSize": where.data_storage_gb or None,
        "timeoutMinutes": program.timeout_minutes or None,
        "useTorchrun": program.use_torchrun,
        "nprocPerNode": program.processes_per_node,
        "instanceCount": search.parallel_trials,
        "parallelTrialCount": search.parallel_trials,
        "hyperparameterSpecList": wire(hyperparameters),
        "metricList": [{"name": goal.metric}],
        "metricRegex": tuning.metric_regex or DEFAULT_REGEX,
        "objectiveMetric": {"name": goal.metric},
        "objectiveTypeCode": goal.direction.upper(),
        "objectiveGoal": goal.value,
        "maxTrialCount": goal.max_trials,
        "maxFailedTrialCount": goal.max_failed_trials,
        "tuningStrategyName": STRATEGIES[search.algorithm],
        "tuningStrategyRandomState": search.random_state,
    }
    return body | median


def _experiment(api: EasyMakerApi, name: str, given: str, environ: Mapping[str, str]) -> str:
    """By id or name; else that of the environment, as the SDK has it; else one of the tuning's own name."""
    if not given and environ.get("EM_EXPERIMENT_ID"):
        return environ["EM_EXPERIMENT_ID"]
    if given:
        try:
            return api.get(f"/experiments/{given}")["experiment"]["experimentId"]
        except ApiRefused as refused:
            if refused.status not in (400, 404):
                raise
    return experiment_id(api, given or name)


def _result(tuning_id: str, done: Json, listed: list[Json]) -> TuningResult:
    trials = [_trial(each) for each in listed]
    best_id = (done.get("optimalTrial") or {}).get("trialId")
    best = next((trial for trial in trials if trial.name == best_id), None)
    if best is None or best.value is None:
        raise TuningFailed(f"tuning {tuning_id} has no best trial: {done.get(f'{KEY}StatusReason')}")
    return TuningResult(trials, best, tuning_id)


def _trial(each: Json) -> TrialResult:
    values = {item["parameterName"]: item["parameterValue"] for item in each["hyperparameterList"]}
    return TrialResult(each["trialId"], each["trialStatusCode"], values, _number(each.get("targetMetricValue")))


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
