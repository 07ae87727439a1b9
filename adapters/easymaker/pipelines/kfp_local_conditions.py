"""Our evaluator of conditions inside kfp.local, in place of its own.

kfp.local 2.17 pastes the values of parameters into the condition's text and hands that to ``eval``: a crafted value
runs any program, a quote in a harmless one makes every branch untrue, and named outputs and fields of loop items are
not found, which is untrue as well. Here the values are looked up where the task's inputs say, and nothing becomes code.
"""

import base64
import json
import logging
from collections.abc import Callable
from typing import Any

from adapters.easymaker.pipelines import conditions, kfp_modules
from adapters.easymaker.pipelines.kfp_modules import kfp, task_arguments

_LOG = logging.getLogger(__name__)


def install() -> None:
    """Patch kfp.local in this process. A condition that has no answer fails its part of the pipeline."""
    orchestrator = kfp(kfp_modules.ORCHESTRATOR)
    orchestrator.ConditionEvaluator.evaluate_condition = staticmethod(_evaluate)
    orchestrator.run_enhanced_dag = _binding(orchestrator.run_enhanced_dag)


def _binding(run_dag: Callable[..., Any]) -> Callable[..., Any]:
    """``run_dag``, whose conditions carry the inputs of their tasks: the evaluator is given nothing but the text."""

    def run_enhanced_dag(**arguments: Any) -> Any:
        component = _copied(arguments["dag_component_spec"])
        for task in component.dag.tasks.values():
            if task.trigger_policy.condition:
                task.trigger_policy.condition = _bound(task)
        try:
            return run_dag(**{**arguments, "dag_component_spec": component})
        except (conditions.ConditionError, conditions.InvalidCondition) as error:
            _LOG.error("%s", error)
            arguments["fail_stack"].append(str(error))
            return {}, kfp(kfp_modules.STATUS).Status.FAILURE

    return run_enhanced_dag


def _copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _bound(task: Any) -> str:
    """The condition and the serialized inputs of ``task`` as one text."""
    inputs = base64.b64encode(task.inputs.SerializeToString()).decode()
    return json.dumps({"condition": task.trigger_policy.condition, "inputs": inputs})


def _evaluate(condition: str, io_store: Any) -> bool:
    schema = kfp(kfp_modules.SCHEMA)
    bound = json.loads(condition)
    parsed = conditions.parse(bound["condition"])
    inputs = schema.TaskInputsSpec.FromString(base64.b64decode(bound["inputs"]))
    # Only what the condition reads: the other inputs may come from tasks that have not run.
    needed = schema.TaskInputsSpec()
    for name in parsed.references & set(inputs.parameters):
        needed.parameters[name].CopyFrom(inputs.parameters[name])
    try:
        return parsed.evaluate(task_arguments(needed, io_store))
    except ValueError as error:
        raise conditions.ConditionError(f"the condition {parsed.text} has no answer: {error}") from None
