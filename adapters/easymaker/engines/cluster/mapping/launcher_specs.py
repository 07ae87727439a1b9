"""What the launcher in a training's pods is told. The rank is not in it: all pods of a training read the same file."""

import json
from pathlib import Path

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.cluster.mapping import training_paths as paths
from adapters.easymaker.engines.cluster.names import object_name
from adapters.easymaker.engines.launching import launcher_fields, node_count
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json, Record
from kfp_components.easymaker.launcher.spec import LauncherSpec, SpecError

# Also the port on which the Trainer lets PyTorch meet.
NODE_PORT = 29500


def node_addresses(record: Record) -> tuple[str, ...]:
    """Where the pods of a training find each other: the names that JobSet gives them, in the same namespace."""
    count = node_count(record)
    if count == 1:
        return ()
    job = object_name(record.id)
    return tuple(f"{job}-node-0-{rank}.{job}:{NODE_PORT}" for rank in range(count))


def launcher_json(record: Record, catalogue: Catalogue, region: str) -> str:
    """The text of launcher.json.

    Raises:
        PermanentEngineError: the launcher could not carry it out.
    """
    try:
        spec = LauncherSpec(
            **launcher_fields(record, catalogue, region),
            work_dir=Path(paths.WORK_DIRECTORY),
            status_path=Path(paths.STATUS_FILE),
            tensorboard_dir=Path(paths.TENSORBOARD),
            requirements_lock=Path(paths.IMAGE_LOCK),
            uv=Path(paths.IMAGE_UV),
            node_addresses=node_addresses(record),
        )
    except SpecError as error:
        raise PermanentEngineError(f"the training cannot be carried out: {error}") from error
    written = json.loads(spec.to_json())
    # Which interpreter there is, the image knows: the one that runs the launcher.
    del written["python"]
    return json.dumps(_given(written), ensure_ascii=False, indent=1)


def _given(written: Json) -> Json:
    return {name: value for name, value in written.items() if value is not None}
