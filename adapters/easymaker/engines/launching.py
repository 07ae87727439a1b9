"""What a training tells its launcher, on any engine: all but where the engine puts things."""

from typing import Any

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Record

# What a stopped script gets before it is killed; checkpoints are uploaded after that.
STOP_GRACE_SECONDS = 30.0


def node_count(record: Record) -> int:
    return int(record.spec.get("instanceCount", 1))


def timeout_seconds(record: Record) -> float:
    return float(record.spec.get("timeoutMinutes", 43200)) * 60


def source(record: Record, catalogue: Catalogue) -> tuple[str, str]:
    """The algorithm path and the entry point in it, the user's own or those of a provided algorithm.

    Raises:
        PermanentEngineError: the catalogue no longer has the algorithm.
    """
    spec = record.spec
    if spec.get("algorithmId") is None:
        return spec.get("sourceDirUri") or "", spec.get("entryPoint") or ""
    algorithm = catalogue.algorithms_by_id.get(spec["algorithmId"])
    if algorithm is None or not (algorithm.source_dir_uri and algorithm.entry_point):
        raise PermanentEngineError("the training's algorithm is no longer in the catalogue")
    return algorithm.source_dir_uri, algorithm.entry_point


def launcher_fields(record: Record, catalogue: Catalogue, region: str) -> dict[str, Any]:
    """Fields of a LauncherSpec that do not depend on the engine."""
    spec = record.spec
    source_uri, entry_point = source(record, catalogue)
    return {
        "id": record.id,
        "name": record.name,
        "appkey": record.appkey,
        "region": region,
        "source_dir_uri": source_uri,
        "entry_point": entry_point,
        "hyperparameters": tuple((p["parameterName"], p["parameterValue"]) for p in spec.get("hyperparameterList", [])),
        "datasets": tuple((d["datasetName"], d["dataUri"]) for d in spec.get("datasetList", [])),
        "model_upload_uri": spec["modelUploadUri"],
        "checkpoint_input_uri": spec.get("checkPointInputUri"),
        "checkpoint_upload_uri": spec.get("checkPointUploadUri"),
        "instance_count": node_count(record),
        "use_torchrun": spec.get("useTorchrun", False),
        "nproc_per_node": spec.get("nprocPerNode", 1),
        "timeout_seconds": timeout_seconds(record),
        "stop_grace_seconds": STOP_GRACE_SECONDS,
    }
