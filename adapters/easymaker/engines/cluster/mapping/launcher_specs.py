"""What the launcher in a training's pods is told. The rank is not in it: all pods of a training read the same file."""

import json
from pathlib import Path
from typing import Any

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.cluster.mapping import training_paths as paths
from adapters.easymaker.engines.cluster.names import object_name
from adapters.easymaker.engines.launching import launcher_fields, node_count
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json, Record
from kfp_components.easymaker.launcher.spec import LauncherSpec, SpecError

# Also the port on which the Trainer lets PyTorch meet.
NODE_PORT = 29500
METRICS_FIELDS = ("metrics_log", "metrics_log_names", "metrics_log_times")


def node_addresses(record: Record) -> tuple[str, ...]:
    """Where the pods of a training find each other."""
    return job_addresses(object_name(record.id), node_count(record))


def job_addresses(job: str, count: int) -> tuple[str, ...]:
    """The names that JobSet gives to the pods of a TrainJob, in the same namespace; none for a single one."""
    if count == 1:
        return ()
    return tuple(f"{job}-node-0-{rank}.{job}:{NODE_PORT}" for rank in range(count))


def launcher_json(record: Record, catalogue: Catalogue, region: str, **changes: Any) -> str:
    """The text of launcher.json. ``changes`` are fields of the spec that do not follow from the record.

    Raises:
        PermanentEngineError: the launcher could not carry it out.
    """
    try:
        places: dict[str, Any] = {
            "work_dir": Path(paths.WORK_DIRECTORY),
            "status_path": Path(paths.STATUS_FILE),
            "tensorboard_dir": Path(paths.TENSORBOARD),
            "requirements_lock": Path(paths.IMAGE_LOCK),
            "uv": Path(paths.IMAGE_UV),
        }
        spec = LauncherSpec(**launcher_fields(record, catalogue, region) | places | changes)
    except SpecError as error:
        raise PermanentEngineError(f"the training cannot be carried out: {error}") from error
    written = json.loads(spec.to_json())
    # Which interpreter there is, the image knows: the one that runs the launcher.
    del written["python"]
    if spec.metrics_log is None:
        # A launcher of an earlier version, in an image of the operator's own, does not know these.
        for name in METRICS_FIELDS:
            del written[name]
    return json.dumps(_given(written), ensure_ascii=False, indent=1)


def _given(written: Json) -> Json:
    return {name: value for name, value in written.items() if value is not None}
