"""The steps of a run as a graph: those of the pipeline that Kubeflow Pipelines runs, joined with what it tells of each.

It tells of a step by its name alone. Steps of one name in different groups, and the passes of a loop, are told as one.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from adapters.easymaker.engines.cluster.mapping.pipeline_times import seconds
from adapters.easymaker.engines.cluster.mapping.pods import one_line
from adapters.easymaker.engines.pipelines import NodeView, not_begun
from adapters.easymaker.kinds.record import Json
from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.graph import graph
from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.reading import read

# What Argo makes of a step: a group with the step's name, beside it a driver, and in it what runs the container.
DRIVER = "-driver"
# Of several things of one name the first of these is told.
MOST_TELLING = ("FAILED", "RUNNING", "CANCELED", "PENDING", "SUCCEEDED", "SKIPPED")
STATES = {"CANCELING": "RUNNING", "PAUSED": "PENDING"}
STEPS = ("TASK", "IMPORTER")
ENDED = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
NO_GRAPH: Json = {"nodes": [], "edges": []}
_NUMBER = re.compile(r"\(.*\)$")


def pipeline_graph(run: Json) -> Json:
    """Of the pipeline as the run has it: ours may have been deleted since."""
    given: Json = run.get("pipeline_spec") or {}
    spec: Json = given.get("pipeline_spec") or given
    name = (spec.get("pipelineInfo") or {}).get("name", "")
    try:
        return graph(read(Pipeline(spec, None, name, "")))
    except InvalidPipeline:
        # Of a run that was not made by us.
        return NO_GRAPH


def views(run: Json, of_pipeline: Json) -> list[NodeView]:
    """Each node with its state."""
    told: dict[str, list[Json]] = {}
    for task in (run.get("run_details") or {}).get("task_details") or []:
        told.setdefault(_NUMBER.sub("", task.get("display_name") or ""), []).append(task)
    return [
        _seen(node, told.get(node.name, []), told.get(node.name + DRIVER, []), run) for node in not_begun(of_pipeline)
    ]


def failed_steps(run: Json) -> list[str]:
    """Names of the steps that have failed, without the groups that failed with them."""
    found = [node for node in views(run, pipeline_graph(run)) if node.state == "FAILED" and node.kind in STEPS]
    found.sort(key=lambda node: node.finished_at or 0)
    return list(dict.fromkeys(node.name for node in found))


def _seen(node: NodeView, tasks: Sequence[Json], drivers: Sequence[Json], run: Json) -> NodeView:
    state = _state(tasks, drivers) or _never_begun(run)
    if run.get("state") == "CANCELED" and state in ("FAILED", "RUNNING", "PENDING"):
        # What is ended with its run has failed, for Argo.
        state = "CANCELED"
    told = [*tasks, *drivers]
    starts = [time for task in told if (time := seconds(task.get("start_time"))) is not None]
    ends = [time for task in tasks or drivers if (time := seconds(task.get("end_time"))) is not None]
    reasons = [one_line(str(task["error"].get("message") or "")) for task in told if task.get("error")]
    return replace(
        node,
        state=state,
        started_at=min(starts, default=None),
        finished_at=max(ends, default=None) if state in ENDED else None,
        attempts=len(tasks),
        reason=next(filter(None, reasons), ""),
        notes=(f"told of {len(tasks)} of this name together",) if len(tasks) > 1 else (),
    )


def _state(tasks: Sequence[Json], drivers: Sequence[Json]) -> str | None:
    """A driver that has ended well has only prepared its step."""
    states = {_known(task) for task in tasks}
    states |= {state for state in map(_known, drivers) if state in ("FAILED", "RUNNING")}
    if not states and drivers:
        return "PENDING"
    return next((state for state in MOST_TELLING if state in states), None)


def _known(task: Json) -> str:
    state = task.get("state") or "PENDING"
    return STATES.get(state, state) if state in MOST_TELLING or state in STATES else "PENDING"


def _never_begun(run: Json) -> str:
    state = run.get("state")
    if state not in ENDED:
        return "PENDING"
    return "CANCELED" if state == "CANCELED" else "SKIPPED"
