"""A pipeline's graph as data for the console: a node per task with all nesting written out, an edge per dependency.

A node's id is its path (``train``, ``for-loop-1/train``), the same in every run and every version of the same pipeline.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.easymaker.pipelines.specification import Component, Executor, Ports, Specification, Task

Json = Any

# How kfp's compiler names the group of dsl.ExitHandler; nothing else tells it from a nested pipeline.
_EXIT_HANDLER = "comp-exit-handler-"


def graph(specification: Specification) -> Json:
    """``{"nodes": […], "edges": […]}``; parents come before their children, and both in the document's order."""
    nodes: list[Json] = []
    edges: list[Json] = []
    for path, around, task in tasks(specification):
        nodes.append(_node(specification, path, around, task))
        parent = path.rpartition("/")[0]
        edges += [{"from": _join(parent, name), "to": path} for name in task.depends_on]
    return {"nodes": nodes, "edges": edges}


def tasks(specification: Specification) -> Iterator[tuple[str, Component, Task]]:
    """Every task with its path and the (sub-)pipeline that it stands in; a component used twice comes twice."""
    yield from _tasks(specification, specification.root, "")


def _tasks(specification: Specification, around: Component, parent: str) -> Iterator[tuple[str, Component, Task]]:
    if around.dag is None:
        return
    for task in around.dag.tasks.values():
        path = _join(parent, task.name)
        yield path, around, task
        yield from _tasks(specification, specification.component_of(task), path)


def _join(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name


def _node(specification: Specification, path: str, around: Component, task: Task) -> Json:
    component = specification.component_of(task)
    executor = specification.executor_of(task)
    node: dict[str, Json] = {
        "id": path,
        "name": task.name,
        "displayName": task.label,
        "kind": _kind(task, component, around, executor),
        "componentName": component.name,
        "parentId": path.rpartition("/")[0] or None,
        "runsAfterFailure": task.after_failure,
        "isExitTask": task.reads_final_status or _is_exit_task(task, around),
        "maxRetryCount": task.retry.count,
        "inputs": _ports(component.inputs),
        "outputs": _ports(component.outputs),
    }
    if task.condition:
        node["condition"] = task.condition
    if task.loop:
        node["loop"] = {
            "itemName": task.loop.item,
            "items": task.loop.items,
            "itemsInput": task.loop.over or None,
            "maxConcurrency": task.loop.parallelism or None,
        }
    if executor and executor.image:
        node["image"] = executor.image
    return node


def _kind(task: Task, component: Component, around: Component, executor: Executor | None) -> str:
    if task.loop:
        return "LOOP"
    if task.condition:
        return "CONDITION"
    if component.dag is not None:
        return "EXIT_HANDLER" if _is_exit_handler(task, around) else "DAG"
    return "IMPORTER" if executor and executor.kind == "importer" else "TASK"


def _is_exit_handler(task: Task, around: Component) -> bool:
    beside = around.dag.tasks.values() if around.dag else ()
    followed = any(each.after_failure and task.name in each.depends_on for each in beside)
    return task.component.startswith(_EXIT_HANDLER) and followed


def _is_exit_task(task: Task, around: Component) -> bool:
    beside: Mapping[str, Task] = around.dag.tasks if around.dag else {}
    handlers = (beside[name] for name in task.depends_on)
    return task.after_failure and any(_is_exit_handler(each, around) for each in handlers)


def _ports(ports: Ports) -> list[Json]:
    return [
        {"name": port.name, "type": port.type, "kind": kind}
        for kind, several in (("PARAMETER", ports.parameters), ("ARTIFACT", ports.artifacts))
        for port in several.values()
    ]
