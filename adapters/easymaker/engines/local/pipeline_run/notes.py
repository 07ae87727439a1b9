"""What a pipeline asks for that a run on this machine does not do, by task, so that nobody is left to wonder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.graph import tasks
from adapters.easymaker.pipelines.specification import Executor, Specification

Json = Any

IMAGES = "images are not used on this machine: all tasks run in one Python environment"
_TIMEOUT = "activeDeadlineSeconds"
_RESOURCES = {
    "cpuLimit": "CPU limit", "resourceCpuLimit": "CPU limit", "memoryLimit": "memory limit",
    "resourceMemoryLimit": "memory limit", "cpuRequest": "CPU request", "resourceCpuRequest": "CPU request",
    "memoryRequest": "memory request", "resourceMemoryRequest": "memory request", "accelerator": "accelerator",
}  # fmt: skip


@dataclass(frozen=True)
class Remarks:
    notes: tuple[str, ...] = ()
    timeout: float | None = None


def remarks(pipeline: Pipeline, specification: Specification) -> dict[str, Remarks]:
    """By the ids of the graph's nodes; only of those that are programs."""
    found: dict[str, Remarks] = {}
    for path, _, task in tasks(specification):
        executor = specification.executor_of(task)
        if executor is not None:
            found[path] = _of(executor, _settings(pipeline, executor.label))
    return found


def _of(executor: Executor, settings: Mapping[str, Json]) -> Remarks:
    resources = executor.body.get("resources") or {}
    told = dict.fromkeys(name for key, name in _RESOURCES.items() if resources.get(key))
    notes = [f"the {name} has no effect on this machine" for name in told]
    notes += [
        f"the Kubernetes setting {key} has no effect on this machine"
        for key in sorted(settings)
        if key != _TIMEOUT and settings[key]
    ]
    return Remarks(tuple(notes), _seconds(settings.get(_TIMEOUT)))


def _settings(pipeline: Pipeline, label: str) -> Mapping[str, Json]:
    found: Json = pipeline.platforms
    for key in ("platforms", "kubernetes", "deploymentSpec", "executors", label):
        found = cast("dict[str, Json]", found).get(key) if isinstance(found, dict) else None
    return cast("dict[str, Json]", found) if isinstance(found, dict) else {}


def _seconds(given: Json) -> float | None:
    """Protobuf's JSON writes numbers of 64 bits as text."""
    try:
        seconds = float(given)
    except (TypeError, ValueError):
        return None
    return seconds if seconds > 0 else None
