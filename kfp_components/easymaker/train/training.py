"""One training as a step of a pipeline: inputs from artifacts and storage, results into artifacts."""

import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kfp_components.easymaker.easymaker_api.storage_access import storage_environment, storage_options
from kfp_components.easymaker.runs.artifact import Artifact
from kfp_components.easymaker.runs.launcher_process import LauncherProcess, stopped_by_signal
from kfp_components.easymaker.runs.metric_log import MetricLog
from kfp_components.easymaker.runs.program import Place, Program, launcher_spec
from kfp_components.easymaker.runs.results import keep_model, metrics_of
from kserve_runtimes.storage import transfer
from kserve_runtimes.storage.errors import StorageNotFound
from kserve_runtimes.storage.options import StorageOptions

# What the data set that comes as an artifact is called: EM_DATASET_INPUT.
INPUT = "input"


@dataclass(frozen=True)
class Outputs:
    model: Artifact
    tensorboard_logs: Artifact
    model_upload_uri: str = ""


def train(program: Program, metrics: MetricLog, outputs: Outputs, dataset: Artifact | None = None) -> dict[str, float]:
    """Run it to its end; the metrics. Raises RunFailed, ResultsInvalid or SpecError."""
    with tempfile.TemporaryDirectory(prefix="train-") as directory, storage_environment() as environ:
        place = Place(Path(directory), Path(outputs.tensorboard_logs.path).absolute())
        with with_input(program, dataset, place.work, environ) as (complete, variables):
            process = LauncherProcess(launcher_spec(complete, place, "train", environ), variables, metrics)
            with stopped_by_signal(process.stop):
                process.run()
        (place.tensorboard / ".launcher").unlink(missing_ok=True)
        found = metrics_of(place.model, metrics.latest())
        keep_model(place.model, Path(outputs.model.path), outputs.model_upload_uri, StorageOptions.from_env(environ))
    describe(outputs.model, outputs.model_upload_uri, found)
    return found


def checkpoint_to_start_from(given: str, own: str) -> str:
    """``own``, where this training has uploaded checkpoints, if there is anything; else ``given``."""
    if not own:
        return given
    with storage_options() as options:
        try:
            return own if transfer.listing(own, options, limit=1) else given
        except StorageNotFound:
            return given


@contextmanager
def with_input(
    program: Program, dataset: Artifact | None, work: Path, environ: Mapping[str, str]
) -> Iterator[tuple[Program, Mapping[str, str]]]:
    """The program with an artifact as one more data set, and the launcher's environment in which it can be read.

    The artifact is a local file: reached by a short link, for a URI may not be long, and only the launcher's own data
    set leads there, since a program's URIs of the scheme ``file`` are refused here.
    """
    if dataset is None:
        yield program, environ
        return
    given = [program.source_dir_uri, program.checkpoint_input_uri, *program.datasets.values()]
    if any(uri.startswith("file:") for uri in given):
        raise ValueError("file:// cannot be used here: sources and data sets lie at obs:// or nas://")
    link = work / "input" / (Path(dataset.path).name or INPUT)
    link.parent.mkdir()
    link.symlink_to(Path(dataset.path).absolute())
    schemes = environ.get("EASYMAKER_STORAGE_SCHEMES") or ",".join(StorageOptions.allowed_schemes)
    datasets = {**program.datasets, INPUT: f"file://{link}"}
    yield replace(program, datasets=datasets), {**environ, "EASYMAKER_STORAGE_SCHEMES": f"{schemes},file"}


def describe(model: Artifact, upload_uri: str, metrics: Mapping[str, float]) -> None:
    """What later steps and people want to know of a model, as its metadata. JSON has no infinities."""
    if upload_uri:
        model.metadata["modelUploadUri"] = upload_uri
    if pipeline_run := os.environ.get("EM_PIPELINE_RUN_ID"):
        model.metadata["pipelineRunId"] = pipeline_run
    model.metadata |= finite(metrics)


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
