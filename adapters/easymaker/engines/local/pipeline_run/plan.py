"""What one run is to do, as its ``run.json`` says it. The same file starts the run and takes it up again."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.processes.sandbox import Sandbox

Json = Any

RUN_ID = "EM_PIPELINE_RUN_ID"


@dataclass(frozen=True)
class Limits:
    parallel_tasks: int = field(default_factory=lambda: max(2, len(os.sched_getaffinity(0))))
    grace_seconds: float = 6.0
    """Between a task's SIGTERM and its SIGKILL."""
    task_seconds: float | None = None
    """For a task whose pipeline sets no timeout of its own."""
    nodes: int = 5_000
    """With all iterations of all loops; the loop that would go over it fails."""
    log_bytes: int = 8 * 1024 * 1024
    """Of one task, all its attempts together."""
    run_log_bytes: int = 256 * 1024 * 1024
    output_bytes: int = 4 * 1024 * 1024
    """Of one task's output parameters and metadata."""


@dataclass(frozen=True)
class RunPlan:
    """``directory`` is the run's own: its journal, its state and its logs. ``pipeline_root`` holds its artifacts.

    ``environment`` is all that tasks get, apart from what their own names and the pipeline add. ``cache`` is where
    finished steps are kept for later runs; without it, every step runs. A ``sandbox`` gets a task's own directories on
    top of its writable paths.
    """

    directory: Path
    pipeline: Path
    pipeline_root: Path
    python: Path
    arguments: Mapping[str, Json] = field(default_factory=dict[str, Json])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None
    sandbox: Sandbox | None = None

    @property
    def run_id(self) -> str:
        return self.environment.get(RUN_ID, self.directory.name)

    @staticmethod
    def from_json(data: Mapping[str, Json]) -> "RunPlan":
        paths = {name: Path(data[name]) for name in ("directory", "pipeline", "pipeline_root", "python")}
        box = data.get("sandbox")
        return RunPlan(
            **paths,
            arguments=data["arguments"],
            environment=data["environment"],
            limits=replace(Limits(), **data.get("limits", {})),
            cache=Path(data["cache"]) if data.get("cache") else None,
            sandbox=Sandbox(**{name: tuple(map(Path, several)) for name, several in box.items()}) if box else None,
        )

    def to_json(self) -> dict[str, Json]:
        return _plain(asdict(self))


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return str(value) if isinstance(value, Path) else value
