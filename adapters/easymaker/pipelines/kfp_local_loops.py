"""dsl.ParallelFor inside kfp.local, mended.

kfp.local 2.17 replaces every value that a loop takes from a task outside it by the loop's item, and so silently
computes something else; it does not find a named output to loop over, and a loop over nothing leaves dsl.Collected
without a value. Here a loop's inputs and its items are looked up before the loop begins.
"""

import json
from collections.abc import Callable
from typing import Any, cast

from adapters.easymaker.pipelines import kfp_modules
from adapters.easymaker.pipelines.conditions import ConditionError
from adapters.easymaker.pipelines.kfp_modules import kfp, task_arguments


def install() -> None:
    """Patch kfp.local in this process."""
    orchestrator = kfp(kfp_modules.ORCHESTRATOR)
    orchestrator._run_parallel_for_task = _resolving(orchestrator._run_parallel_for_task)


def _resolving(run_loop: Callable[..., bool]) -> Callable[..., bool]:
    def run_parallel_for_task(**arguments: Any) -> bool:
        task = arguments["task_spec"]
        if task.WhichOneof("iterator") != "parameter_iterator":
            return run_loop(**arguments)
        task = _resolved(task, arguments["io_store"])
        if not json.loads(task.parameter_iterator.items.raw):
            _publish_nothing(arguments)
        return run_loop(**{**arguments, "task_spec": task})

    return run_parallel_for_task


def _resolved(task: Any, io_store: Any) -> Any:
    """A copy of ``task`` with constants for parameters, its items among them."""
    copy = type(task)()
    copy.CopyFrom(task)
    values = task_arguments(task.inputs, io_store)
    for name in task.inputs.parameters:
        source = copy.inputs.parameters[name]
        source.Clear()
        kfp(kfp_modules.JSON_FORMAT).ParseDict(values.get(name), source.runtime_value.constant)
    items = copy.parameter_iterator.items
    if items.WhichOneof("kind") == "input_parameter":
        items.raw = json.dumps(_items(items.input_parameter, values))
    return copy


def _items(name: str, values: dict[str, Any]) -> list[Any]:
    found = values.get(name)
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except json.JSONDecodeError:
            found = None
    if not isinstance(found, list):
        raise ConditionError(f"the loop over {name} has no list to go through")
    return cast("list[Any]", found)


def _publish_nothing(arguments: dict[str, Any]) -> None:
    """What dsl.Collected reads after a loop over an empty list."""
    component = arguments["components"][arguments["task_spec"].component_ref.name]
    outputs = component.output_definitions
    for key in (*outputs.parameters, *outputs.artifacts):
        arguments["io_store"].put_task_output(arguments["task_name"], key, [])
