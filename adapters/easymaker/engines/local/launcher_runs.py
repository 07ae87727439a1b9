"""One run of the launcher on one machine: a process per node, in the environment of an image. Trainings and trials."""

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from adapters.easymaker.engines.local import processes
from adapters.easymaker.engines.local.job_access import JobAccess
from adapters.easymaker.engines.local.json_files import read_json, write_json
from adapters.easymaker.engines.local.ports import free_port
from adapters.easymaker.engines.local.processes import Limits, ProcessRunner, ProcessSpec, ProcessState
from kfp_components.easymaker.launcher.exit_codes import ExitCode
from kfp_components.easymaker.launcher.spec import LauncherSpec

LAUNCHER = "kfp_components.easymaker.launcher"
# After a stop: what the launcher gets for uploading checkpoints before it is killed.
CHECKPOINT_SECONDS = 300.0
UPLOAD_SECONDS = 24 * 3600.0
STATUS_BYTES = 64 * 1024


@dataclass(frozen=True)
class Node:
    """One node's process, and the status file that its launcher writes (None before it does)."""

    state: ProcessState
    status: Mapping[str, Any] | None

    @property
    def stopped(self) -> bool:
        by_launcher = self.status is not None and self.status.get("exit_code") == int(ExitCode.STOPPED)
        return self.state.over and (self.state.cause == "stopped" or by_launcher)

    @property
    def phase(self) -> str:
        return str(self.status.get("phase") or "PREPARING") if self.status else "PREPARING"

    def failure(self) -> str:
        """Why it failed, best word first: a limit that the wrapper enforced, then the launcher, then the exit."""
        if self.state.cause in ("memory", "disk", "timeout", "lost", "unstartable"):
            return self.state.reason
        if self.status and self.status.get("reason"):
            return str(self.status["reason"])
        return self.state.reason


@dataclass(frozen=True)
class Run:
    """Where a run is to be found: ``name`` begins the names of its processes, ``directory`` holds their files."""

    name: str
    nodes: int
    directory: Path
    tensorboard: Path

    def process(self, rank: int) -> str:
        return f"{self.name}-{rank}"

    def node_directory(self, rank: int) -> Path:
        return self.directory / f"node-{rank}"


@dataclass(frozen=True)
class Work:
    """What a run does, the same on each of its nodes. ``launcher`` are fields of a LauncherSpec."""

    appkey: str
    launcher: Mapping[str, Any]
    python: Path
    requirements_lock: Path
    cpus: int
    memory_bytes: int
    disk_bytes: int


class LauncherRuns:
    """All methods may be repeated, by anybody, after any crash: each name is run at most once."""

    def __init__(self, runner: ProcessRunner, access: Callable[[], JobAccess]) -> None:
        self._runner = runner
        self._access = access

    def look(self, run: Run) -> list[Node]:
        return [
            Node(self._runner.observe(run.process(rank)), _status(run.node_directory(rank) / "status.json"))
            for rank in range(run.nodes)
        ]

    def start(self, run: Run, work: Work) -> None:
        run.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        addresses = _addresses(run)
        for rank in range(run.nodes):
            self._runner.start(run.process(rank), self._process(run, rank, work, addresses))

    def stop(self, run: Run) -> None:
        for rank in range(run.nodes):
            self._runner.stop(run.process(rank))

    def stop_living(self, run: Run) -> bool:
        """Stop what has not ended; False when all of it had."""
        living = [
            name
            for name in map(run.process, range(run.nodes))
            if self._runner.observe(name).phase in (processes.Phase.STARTING, processes.Phase.RUNNING)
        ]
        for name in living:
            self._runner.stop(name)
        return bool(living)

    def discard_work(self, run: Run) -> None:
        """The nodes' working directories go; logs and TensorBoard data stay."""
        for rank in range(run.nodes):
            shutil.rmtree(run.node_directory(rank) / "work", ignore_errors=True)

    def end(self, run: Run) -> bool:
        """End all processes at once, and remove them with their logs; False: not yet, call again."""
        gone = [self._runner.remove(run.process(rank)) for rank in range(run.nodes)]
        return all(gone)

    def log_path(self, run: Run) -> Path:
        """The first node's."""
        return self._runner.log_path(run.process(0))

    def _launcher(self, run: Run, rank: int, work: Work, addresses: Sequence[str]) -> LauncherSpec:
        directory = run.node_directory(rank)
        return LauncherSpec(
            **work.launcher,
            work_dir=directory / "work",
            status_path=directory / "status.json",
            tensorboard_dir=run.tensorboard,
            python=work.python,
            requirements_lock=work.requirements_lock,
            uv=Path(find_uv_bin()),
            node_rank=rank,
            node_addresses=tuple(addresses),
            extra_env=("UV_*", "PIP_*", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        )

    def _process(self, run: Run, rank: int, work: Work, addresses: Sequence[str]) -> ProcessSpec:
        access = self._access()
        launcher = self._launcher(run, rank, work, addresses)
        directory = run.node_directory(rank)
        working = directory / "work"
        working.mkdir(mode=0o700, parents=True, exist_ok=True)
        run.tensorboard.mkdir(parents=True, exist_ok=True)
        # Replaced whole: a launcher that an earlier start() has begun may be reading it.
        write_json(directory / "launcher.json", json.loads(launcher.to_json()))
        seconds = (launcher.timeout_seconds or 0) + UPLOAD_SECONDS
        environment = access.environment(work.appkey, directory, seconds)
        return ProcessSpec(
            argv=(sys.executable, "-P", "-m", LAUNCHER, str(directory / "launcher.json")),
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(working), "LANG": "C.UTF-8"} | environment,
            cwd=directory,
            limits=Limits(
                cpus=work.cpus, memory_bytes=work.memory_bytes, disk_bytes=work.disk_bytes, disk_path=working
            ),
            grace_seconds=launcher.stop_grace_seconds + CHECKPOINT_SECONDS,
            sandbox=access.sandbox((), (directory, run.tensorboard, access.home.nas_of(work.appkey))),
        )


def _status(path: Path) -> dict[str, Any] | None:
    """The user's program can write there, too: whatever it has put there holds nobody up."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        found = json.loads(os.read(descriptor, STATUS_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(descriptor)
    return found if isinstance(found, dict) else None


def _addresses(run: Run) -> tuple[str, ...]:
    """Where the nodes meet; chosen once, so that a repeated start tells every node the same."""
    if run.nodes == 1:
        return ()
    path = run.directory / "addresses.json"
    known = read_json(path, None)
    if known is None:
        known = [f"127.0.0.1:{free_port()}" for _ in range(run.nodes)]
        write_json(path, known)
    return tuple(known)
