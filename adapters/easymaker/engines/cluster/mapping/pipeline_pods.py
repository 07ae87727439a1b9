"""Pods of a run: of which step each is. Argo writes a pod's place in the workflow on it, as a path of its own."""

import re
from collections.abc import Iterable

from adapters.easymaker.engines.cluster.mapping.pods import container_end, one_line
from adapters.easymaker.kinds.record import Json

# Kubeflow Pipelines' label on every pod of a run, and Argo's name for the container of a step.
RUN_ID, MAIN = "pipeline/runid", "main"
NODE_NAME = "workflows.argoproj.io/node-name"
ROOT, EXECUTOR = "root", "executor"
# Levels that a loop has in the workflow and not in the pipeline.
_ITERATION = re.compile(r"iteration(-.*)?|.*-iterator|.*-iterations?")
_BRACKETS = re.compile(r"\([^()]*\)")


def step_of(pod: Json) -> str:
    """The id of the graph's node whose container this pod runs; empty for a driver, or for a pod of something else."""
    levels = _levels((pod["metadata"].get("annotations") or {}).get(NODE_NAME, ""))
    if len(levels) < 3 or levels[1] != ROOT or levels[-1] != EXECUTOR:
        return ""
    return "/".join(level for level in levels[2:-1] if not _ITERATION.fullmatch(level))


def pods_of_step(pods: Iterable[Json], node_id: str) -> list[Json]:
    """Oldest first: retries, and passes of a loop, are pods of their own."""
    found = [pod for pod in pods if step_of(pod) == node_id]
    return sorted(found, key=lambda pod: pod["metadata"].get("creationTimestamp") or "")


def last_words(pods: Iterable[Json]) -> str:
    """Of the container that failed last: what it left as its message, and how it ended."""
    ends = [(pod, end) for pod in pods if (end := container_end(pod, MAIN)) is not None and end.exit_code]
    if not ends:
        return ""
    _, end = max(ends, key=lambda each: each[1].finished_at or 0)
    told, how = one_line(end.message), f"exit code {end.exit_code}"
    return f"{told} ({how})" if told else how


def _levels(name: str) -> list[str]:
    """The names on the way to a node, without what is in brackets: numbers, and items of loops, which are any text."""
    while (plain := _BRACKETS.sub("", name)) != name:
        name = plain
    return name.split(".")
