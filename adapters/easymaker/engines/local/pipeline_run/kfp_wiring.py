"""Our parts put into this process's kfp.local. It is one program's only use of kfp, so what is changed is its own."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.pipeline_run.orchestration import Orchestration
from adapters.easymaker.engines.local.pipeline_run.plan import RunPlan
from adapters.easymaker.engines.local.pipeline_run.tasks import Tasks
from adapters.easymaker.pipelines import kfp_modules
from adapters.easymaker.pipelines.kfp_local import install_into_kfp
from adapters.easymaker.pipelines.kfp_modules import kfp

Json = Any

TASK_EXECUTOR = "kfp.local.orchestrator.task_executor"


def simple_task() -> Any:
    """kfp.local's own function, before it is replaced."""
    return kfp(TASK_EXECUTOR).execute_single_task


def any_task() -> Any:
    return kfp(kfp_modules.ORCHESTRATOR).execute_task


def install(plan: RunPlan, orchestration: Orchestration, tasks: Tasks) -> None:
    def run_command(handler: Any) -> Any:
        return tasks.run_command(handler)

    # It warns of what has no effect here, which the state tells by task.
    warnings.simplefilter("ignore")
    orchestrator = kfp(kfp_modules.ORCHESTRATOR)
    orchestrator.run_enhanced_dag = orchestration.run_dag
    kfp(TASK_EXECUTOR).execute_single_task = tasks.run
    kfp("kfp.local.executor_input_utils").construct_local_task_root = tasks.folder
    kfp("kfp.local.subprocess_task_handler").SubprocessTaskHandler.run = run_command
    _silence(kfp("kfp.local.logging_utils"))
    # After ours: it wraps what it finds.
    install_into_kfp()
    _configure(plan)


def run(document: dict[str, Json], plan: RunPlan) -> tuple[dict[str, Json], bool]:
    """The pipeline's outputs, and whether it went well."""
    spec = kfp(kfp_modules.JSON_FORMAT).ParseDict(document, kfp(kfp_modules.SCHEMA).PipelineSpec())
    to_executor = kfp("kfp.local.utils").struct_to_executor_spec
    executors = {name: to_executor(each) for name, each in spec.deployment_spec["executors"].items()}
    outputs, status = kfp(kfp_modules.ORCHESTRATOR).run_enhanced_dag(
        pipeline_resource_name=f"{spec.pipeline_info.name}-{plan.run_id}",
        dag_component_spec=spec.root,
        executors=executors,
        components=dict(spec.components),
        dag_arguments=dict(plan.arguments),
        pipeline_root=str(plan.pipeline_root),
        runner=kfp("kfp.local").SubprocessRunner(use_venv=False),
        unique_pipeline_id=plan.run_id,
        fail_stack=[],
    )
    return outputs, status is kfp(kfp_modules.STATUS).Status.SUCCESS


def _configure(plan: RunPlan) -> None:
    local = kfp("kfp.local")
    workspace = plan.directory / "workspace"
    Path(workspace).mkdir(mode=0o700, exist_ok=True)
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(plan.pipeline_root),
        workspace_root=str(workspace),
        enable_caching=plan.cache is not None,
        cache_root=None if plan.cache is None else str(plan.cache),
    )


def _silence(logging_utils: Any) -> None:
    """It exchanges the process's print and log handlers during every task, and prints all outputs."""

    @contextlib.contextmanager
    def nothing(*_: Any) -> Iterator[None]:
        yield

    logging_utils.local_logger_context = nothing
    logging_utils.indented_print = nothing
    logging_utils.print_horizontal_line = lambda: None
    logging_utils.make_log_lines_for_outputs = lambda _: []
