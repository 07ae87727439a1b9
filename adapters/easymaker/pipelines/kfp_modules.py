"""kfp's modules, imported when they are used (two seconds of work) and without types, because kfp declares none."""

from importlib import import_module
from typing import Any

SCHEMA = "kfp.pipeline_spec.pipeline_spec_pb2"
ORCHESTRATOR = "kfp.local.orchestrator.enhanced_dag_orchestrator"
TASK_SPECS = "kfp.local.orchestrator.task_spec_utils"
VALUES = "kfp.local.orchestrator.orchestrator_utils"
OUTPUTS = "kfp.local.executor_output_utils"
STATUS = "kfp.local.status"
PLACEHOLDERS = "kfp.local.placeholder_utils"
COMPONENTS = "kfp.components"
JSON_FORMAT = "google.protobuf.json_format"


def kfp(name: str) -> Any:
    return import_module(name)


def task_arguments(task_inputs: Any, io_store: Any) -> dict[str, Any]:
    """The values of a task's inputs, as kfp.local looks them up."""
    return kfp(VALUES).OrchestratorUtils.make_task_arguments(task_inputs_spec=task_inputs, io_store=io_store)
