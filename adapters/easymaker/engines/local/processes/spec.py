"""What is to be run, and within which limits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.processes.machine import CgroupPlace
from adapters.easymaker.engines.local.processes.sandbox import Sandbox, sandboxed_argv

LOG_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """None means no limit. machine.enforcement() tells how each is put in force on this machine."""

    cpus: int | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    """Space below ``disk_path``, or below the working directory."""
    disk_path: Path | None = None
    file_bytes: int | None = None
    """Largest single file; ``disk_bytes`` implies the same figure."""
    wall_seconds: float | None = None
    log_bytes: int = LOG_BYTES


@dataclass(frozen=True)
class ProcessSpec:
    """``env`` is the whole environment: the job inherits nothing from the adapter."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    limits: Limits = Limits()
    grace_seconds: float = 10.0
    """Between SIGTERM and SIGKILL."""
    sandbox: Sandbox | None = None
    outlived: bool = False
    """It starts processes through a runner of its own, which go on after its end. They are no part of its limits."""


def plan(spec: ProcessSpec, directory: Path, place: CgroupPlace | None) -> dict[str, Any]:
    """The same as the wrapper reads it, with this machine's means decided."""
    argv, in_sandbox = sandboxed_argv(spec.sandbox, spec.argv)
    limits = asdict(spec.limits)
    limits["disk_path"] = None if spec.limits.disk_path is None else str(spec.limits.disk_path)
    return {
        "argv": list(argv),
        "env": dict(spec.env),
        "cwd": str(spec.cwd),
        "limits": limits,
        "grace_seconds": spec.grace_seconds,
        "sandboxed": in_sandbox,
        "marker": sha256(str(directory).encode()).hexdigest()[:16],
        "outlived": spec.outlived,
        # Whoever is born in a group stays in it, and all that is in it ends with the job.
        "cgroup": None if place is None or spec.outlived else asdict(place),
    }
