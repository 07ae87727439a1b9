"""What the launcher in a training's pods is told. The rank is not in it: all pods of a training read the same file."""

import json
from pathlib import Path

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.cluster.mapping import training_paths as paths
from adapters.easymaker.engines.cluster.names import object_name
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json, Record
from kfp_components.easymaker.launcher.spec import LauncherSpec, SpecError

# Also the port on which the Trainer lets PyTorch meet.
NODE_PORT = 29500
STOP_GRACE_SECONDS = 30.0


def node_count(record: Record) -> int:
    return int(record.spec.get("instanceCount", 1))


def timeout_seconds(record: Record) -> float:
    return float(record.spec.get("timeoutMinutes", 43200)) * 60


def node_addresses(record: Record) -> tuple[str, ...]:
    """Where the pods of a training find each other: the names that JobSet gives them, in the same namespace."""
    count = node_count(record)
    if count == 1:
        return ()
    job = object_name(record.id)
    return tuple(f"{job}-node-0-{rank}.{job}:{NODE_PORT}" for rank in range(count))


def source(record: Record, catalogue: Catalogue) -> tuple[str, str]:
    """The algorithm path and the entry point in it, the user's own or those of a provided algorithm."""
    spec = record.spec
    if spec.get("algorithmId") is None:
        return spec.get("sourceDirUri") or "", spec.get("entryPoint") or ""
    algorithm = catalogue.algorithms_by_id.get(spec["algorithmId"])
    if algorithm is None or not (algorithm.source_dir_uri and algorithm.entry_point):
        raise PermanentEngineError("the training's algorithm is no longer in the catalogue")
    return algorithm.source_dir_uri, algorithm.entry_point


def launcher_json(record: Record, catalogue: Catalogue, region: str) -> str:
    """The text of launcher.json.

    Raises:
        PermanentEngineError: the launcher could not carry it out.
    """
    try:
        written = json.loads(_launcher_spec(record, catalogue, region).to_json())
    except SpecError as error:
        raise PermanentEngineError(f"the training cannot be carried out: {error}") from error
    # Which interpreter there is, the image knows: the one that runs the launcher.
    del written["python"]
    return json.dumps(_given(written), ensure_ascii=False, indent=1)


def _launcher_spec(record: Record, catalogue: Catalogue, region: str) -> LauncherSpec:
    spec = record.spec
    source_uri, entry_point = source(record, catalogue)
    return LauncherSpec(
        id=record.id,
        name=record.name,
        appkey=record.appkey,
        region=region,
        source_dir_uri=source_uri,
        entry_point=entry_point,
        work_dir=Path(paths.WORK_DIRECTORY),
        status_path=Path(paths.STATUS_FILE),
        hyperparameters=tuple((p["parameterName"], p["parameterValue"]) for p in spec.get("hyperparameterList", [])),
        datasets=tuple((d["datasetName"], d["dataUri"]) for d in spec.get("datasetList", [])),
        model_upload_uri=spec["modelUploadUri"],
        checkpoint_input_uri=spec.get("checkPointInputUri"),
        checkpoint_upload_uri=spec.get("checkPointUploadUri"),
        tensorboard_dir=Path(paths.TENSORBOARD),
        requirements_lock=Path(paths.IMAGE_LOCK),
        uv=Path(paths.IMAGE_UV),
        instance_count=node_count(record),
        node_addresses=node_addresses(record),
        use_torchrun=spec.get("useTorchrun", False),
        nproc_per_node=spec.get("nprocPerNode", 1),
        timeout_seconds=timeout_seconds(record),
        stop_grace_seconds=STOP_GRACE_SECONDS,
    )


def _given(written: Json) -> Json:
    return {name: value for name, value in written.items() if value is not None}
