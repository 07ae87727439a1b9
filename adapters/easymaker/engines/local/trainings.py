"""Trainings on one machine: one launcher process per node, in the environment of the training's image."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from uv import find_uv_bin

from adapters.easymaker.catalogue import Catalogue, Flavor, Image
from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.launching import STOP_GRACE_SECONDS, launcher_fields, node_count
from adapters.easymaker.engines.local import processes
from adapters.easymaker.engines.local.environments import EnvironmentSpec
from adapters.easymaker.engines.local.gateway.files import read_json, write_json
from adapters.easymaker.engines.local.logs import read_log_file
from adapters.easymaker.engines.local.ports import free_port
from adapters.easymaker.engines.local.processes import Limits, ProcessSpec
from adapters.easymaker.engines.local.processes.machine import enforcement
from adapters.easymaker.engines.local.tools import Tools
from adapters.easymaker.engines.local.training_progress import Node, summarize
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds import training
from adapters.easymaker.kinds.record import Family, Goal, Record
from adapters.easymaker.settings import Settings
from kfp_components.easymaker.launcher.spec import LauncherSpec

LAUNCHER = "kfp_components.easymaker.launcher"
GB = 1000**3
MIB = 1024**2
# After a stop: what the launcher gets for uploading checkpoints before it is killed.
CHECKPOINT_SECONDS = 300.0
UPLOAD_SECONDS = 24 * 3600.0
INTERRUPTED = "interrupted"


class TrainingDriver:
    def __init__(self, tools: Tools, catalogue: Catalogue, settings: Settings) -> None:
        self._home = tools.home
        self._runner = tools.runner
        self._environments = tools.environments
        self._background = tools.background
        self._access = tools.access
        self._catalogue = catalogue
        self._settings = settings

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT and self._traces(record):
            return Observation(Phase.STOPPED)
        nodes = [self._node(record, rank) for rank in range(node_count(record))]
        running = any(node.state.phase is processes.Phase.RUNNING for node in nodes)
        seen = summarize(nodes)
        # One that came to its end between the mark and the signal is not done again.
        interrupted = self._marker(record).exists() and not running and seen.phase is not Phase.SUCCEEDED
        # The build may be another training's: it concerns this one only as long as this one waits for it.
        waits = record.goal is Goal.PRESENT and (interrupted or seen.phase is Phase.MISSING)
        if waits and self._background.working(_build_key(record)):
            return Observation(Phase.PENDING, "the image's environment is being installed (first use)", recheck=0.5)
        if interrupted:
            return Observation(Phase.INTERRUPTED, "interrupted by a shutdown; it starts again")
        return replace(seen, detail=seen.detail | {"limits": enforcement()})

    def start(self, family: Family) -> None:
        record = family.record
        image, flavor = self._image(record), self._flavor(record)
        spec = EnvironmentSpec(_slug(image.image_name), image.requirements)
        python = self._environments.python(spec)
        if python is None:
            self._background.ensure(_build_key(record), lambda: self._environments.ensure(spec))
            return
        self._clear_interruption(record)
        directory = self._home.jobs / record.id
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        addresses = self._addresses(record)
        for rank in range(node_count(record)):
            launcher = self._launcher(record, rank, addresses, (python, self._environments.lock_file(spec)))
            self._runner.start(_name(record, rank), self._process(record, rank, launcher, flavor))

    def stop(self, family: Family) -> None:
        for rank in range(node_count(family.record)):
            self._runner.stop(_name(family.record, rank))

    def release(self, family: Family) -> None:
        """The nodes' working directories go; logs and TensorBoard data stay."""
        record = family.record
        busy = False
        for rank in range(node_count(record)):
            name = _name(record, rank)
            if self._runner.observe(name).phase in (processes.Phase.STARTING, processes.Phase.RUNNING):
                self._runner.stop(name)
                busy = True
        if busy:
            raise TemporaryEngineError("the other nodes are ending", retry_after=0.5)
        for rank in range(node_count(record)):
            shutil.rmtree(self._node_directory(record, rank) / "work", ignore_errors=True)

    def remove(self, family: Family) -> bool:
        record = family.record
        gone = [self._runner.remove(_name(record, rank)) for rank in range(node_count(record))]
        if not all(gone):
            return False
        shutil.rmtree(self._home.jobs / record.id, ignore_errors=True)
        shutil.rmtree(self._tensorboard(record), ignore_errors=True)
        return True

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        content, more = read_log_file(self._runner.log_path(_name(family.record, 0)), offset, limit)
        return content, more or family.record.status not in training.LIFECYCLE.settled

    def interrupt(self, training_id: str) -> None:
        """Note that the platform is about to end this training, so that it begins again later."""
        directory = self._home.jobs / training_id
        if directory.is_dir():
            (directory / INTERRUPTED).touch()

    def _traces(self, record: Record) -> bool:
        return (self._home.jobs / record.id).exists() or self._tensorboard(record).exists()

    def _marker(self, record: Record) -> Path:
        return self._home.jobs / record.id / INTERRUPTED

    def _clear_interruption(self, record: Record) -> None:
        if not self._marker(record).exists():
            return
        gone = [self._runner.remove(_name(record, rank)) for rank in range(node_count(record))]
        if not all(gone):
            raise TemporaryEngineError("what the shutdown left is being removed", retry_after=0.3)
        shutil.rmtree(self._home.jobs / record.id, ignore_errors=True)

    def _image(self, record: Record) -> Image:
        image = self._catalogue.images_by_id.get(record.spec["imageId"])
        if image is None:
            raise PermanentEngineError("the training's image is no longer in the catalogue")
        if not image.requirements:
            raise PermanentEngineError(f"image {image.image_name} has no requirements: it cannot run on one machine")
        return image

    def _flavor(self, record: Record) -> Flavor:
        flavor = self._catalogue.flavors_by_id.get(record.spec["flavorId"])
        if flavor is None:
            raise PermanentEngineError("the training's flavor is no longer in the catalogue")
        if flavor.gpu_flavor and not Path("/dev/nvidia0").exists():
            raise PermanentEngineError(f"flavor {flavor.name} needs a GPU, and this machine has none")
        return flavor

    def _node_directory(self, record: Record, rank: int) -> Path:
        return self._home.jobs / record.id / f"node-{rank}"

    def _tensorboard(self, record: Record) -> Path:
        return self._home.tensorboard / record.spec["experimentId"] / record.id

    def _node(self, record: Record, rank: int) -> Node:
        state = self._runner.observe(_name(record, rank))
        return Node(state, read_json(self._node_directory(record, rank) / "status.json", None))

    def _addresses(self, record: Record) -> tuple[str, ...]:
        """Where the nodes meet; chosen once, so that a repeated start tells every node the same."""
        if node_count(record) == 1:
            return ()
        path = self._home.jobs / record.id / "addresses.json"
        known = read_json(path, None)
        if known is None:
            known = [f"127.0.0.1:{free_port()}" for _ in range(node_count(record))]
            write_json(path, known)
        return tuple(known)

    def _launcher(
        self, record: Record, rank: int, addresses: tuple[str, ...], environment: tuple[Path, Path]
    ) -> LauncherSpec:
        directory = self._node_directory(record, rank)
        return LauncherSpec(
            **launcher_fields(record, self._catalogue, self._settings.region),
            work_dir=directory / "work",
            status_path=directory / "status.json",
            tensorboard_dir=self._tensorboard(record),
            python=environment[0],
            requirements_lock=environment[1],
            uv=Path(find_uv_bin()),
            node_rank=rank,
            node_addresses=addresses,
            extra_env=("UV_*", "PIP_*", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        )

    def _process(self, record: Record, rank: int, launcher: LauncherSpec, flavor: Flavor) -> ProcessSpec:
        access = self._access()
        directory = self._node_directory(record, rank)
        work = directory / "work"
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tensorboard(record).mkdir(parents=True, exist_ok=True)
        # Replaced whole: a launcher that an earlier start() has begun may be reading it.
        write_json(directory / "launcher.json", json.loads(launcher.to_json()))
        seconds = (launcher.timeout_seconds or 0) + UPLOAD_SECONDS
        environment = access.environment(record.appkey, directory, seconds)
        return ProcessSpec(
            argv=(sys.executable, "-P", "-m", LAUNCHER, str(directory / "launcher.json")),
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(work), "LANG": "C.UTF-8"} | environment,
            cwd=directory,
            limits=self._limits(record, flavor, work),
            grace_seconds=STOP_GRACE_SECONDS + CHECKPOINT_SECONDS,
            sandbox=access.sandbox((), (directory, self._tensorboard(record), self._home.nas_of(record.appkey))),
        )

    def _limits(self, record: Record, flavor: Flavor, work: Path) -> Limits:
        disk = int(record.spec.get("dataStorageSize") or flavor.disk) * GB
        if self._settings.local_disk_limit_mb is not None:
            disk = min(disk, self._settings.local_disk_limit_mb * 1000**2)
        return Limits(cpus=flavor.vcpus, memory_bytes=flavor.ram * MIB, disk_bytes=disk, disk_path=work)


def _name(record: Record, rank: int) -> str:
    return f"training-{record.id}-{rank}"


def _build_key(record: Record) -> str:
    return f"environment:{record.spec['imageId']}"


def _slug(name: str) -> str:
    kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in name.lower())
    return "-".join(part for part in kept.split("-") if part)[:64] or "image"
