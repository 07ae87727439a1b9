"""What a step asks the launcher to run, and the spec that says so."""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfp_components.easymaker.launcher.spec import LauncherSpec

# Our training images have the lock of their environment there.
IMAGE_LOCK = Path("/opt/easymaker/requirements.lock")
# Names of the launcher's environment that installers of a requirements.txt need.
_INSTALLER = ("UV_*", "PIP_*", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Program:
    """A user's program with its inputs; where its results go to is the business of the step."""

    source_dir_uri: str
    entry_point: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    checkpoint_input_uri: str = ""
    checkpoint_upload_uri: str = ""
    use_torchrun: bool = False
    processes_per_node: int = 1
    timeout_minutes: int = 0


@dataclass(frozen=True)
class Place:
    """Directories of one run: ``work`` is emptied and used, TensorBoard logs stay in their own."""

    work: Path
    tensorboard: Path

    @property
    def model(self) -> Path:
        """Where the launcher leaves the model, as it is not told to upload it."""
        return self.work / "run" / "model"


def launcher_spec(program: Program, place: Place, name: str, environ: Mapping[str, str]) -> LauncherSpec:
    """Raises SpecError for a program that cannot be run."""
    lock, uv = IMAGE_LOCK, uv_program()
    if not lock.is_file() and uv is not None:
        # Not in one of our images: a requirements.txt gets an environment of its own instead of changing this one.
        lock = place.work / "no-requirements.lock"
        lock.touch()
    return LauncherSpec(
        id=name,
        name=name,
        appkey=environ.get("EM_APPKEY") or "local",
        region=environ.get("EM_REGION") or "local",
        source_dir_uri=program.source_dir_uri,
        entry_point=program.entry_point,
        hyperparameters=tuple((key, text_of(value)) for key, value in program.hyperparameters.items()),
        datasets=tuple(program.datasets.items()),
        checkpoint_input_uri=program.checkpoint_input_uri or None,
        checkpoint_upload_uri=program.checkpoint_upload_uri or None,
        work_dir=place.work / "run",
        status_path=place.work / "status.json",
        tensorboard_dir=place.tensorboard,
        python=training_python(environ),
        requirements_lock=lock,
        uv=uv,
        use_torchrun=program.use_torchrun,
        nproc_per_node=program.processes_per_node,
        timeout_seconds=program.timeout_minutes * 60 or None,
        extra_env=_INSTALLER,
    )


def training_python(environ: Mapping[str, str]) -> Path:
    """The image's interpreter; on a machine without images, that of the environment that stands in for one."""
    return Path(environ.get("EASYMAKER_TRAINING_PYTHON") or sys.executable).absolute()


def text_of(value: Any) -> str:
    """As a program reads it from its command line: JSON's 3.0, which KFP makes of every number, is 3 again."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def uv_program() -> Path | None:
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
        return Path(found) if found else None
