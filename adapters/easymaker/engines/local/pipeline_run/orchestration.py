"""A pipeline's order of things: kfp.local's orchestration with independent tasks side by side.

kfp.local 2.17 goes through the tasks of a (sub-)pipeline one after another. Here that one loop is replaced, with the
same rules; what a task, a condition and a loop are, and where their values come from, remains kfp's own code.
"""

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from adapters.easymaker.engines.local.pipeline_run.board import Board
from adapters.easymaker.engines.local.pipeline_run.nodes import NodeState, join
from adapters.easymaker.engines.local.pipeline_run.scheduling import End, Schedule, Waiting
from adapters.easymaker.pipelines import kfp_modules
from adapters.easymaker.pipelines.kfp_modules import kfp, task_arguments

Json = Any
Result = tuple[dict[str, Json], Any]

_LOG = logging.getLogger(__name__)
_ITERATION = "-iteration-"

# The id of the node that this thread works for.
_here: contextvars.ContextVar[str] = contextvars.ContextVar("node", default="")


def here() -> str:
    return _here.get()


@contextmanager
def at(path: str) -> Iterator[None]:
    token = _here.set(path)
    try:
        yield
    finally:
        _here.reset(token)


@dataclass
class Orchestration:
    """``execute`` is kfp.local's own function for a task, simple or nested. At most ``parallel`` tasks of a group are
    begun at the same time."""

    board: Board
    stop: threading.Event
    parallel: int
    execute: Callable[..., Result]

    def run_dag(self, **arguments: Any) -> Result:
        """In place of kfp.local's ``run_enhanced_dag``."""
        component = arguments.pop("dag_component_spec")
        values = kfp(kfp_modules.VALUES).OrchestratorUtils
        given = values.join_user_inputs_and_defaults(arguments.pop("dag_arguments"), component.input_definitions)
        io_store = kfp("kfp.local.io").IOStore(parent=arguments.pop("parent_io_store", None))
        for name, value in given.items():
            io_store.put_parent_input(name, value)
        status = kfp(kfp_modules.STATUS).Status
        if not self._run_tasks(component.dag.tasks, {**arguments, "io_store": io_store}):
            return {}, status.FAILURE
        return values.get_dag_outputs(component.dag.outputs, io_store), status.SUCCESS

    def execute_parallel_tasks(self, tasks: list[tuple[str, Any]], parallelism_limit: int = 0, **arguments: Any) -> Any:
        """In place of ``ParallelExecutor``'s: the iterations of one loop. All are run, also after one has failed."""
        loop = here()
        self.board.add_iterations(loop, len(tasks))
        workers = min(parallelism_limit or self.parallel, self.parallel)
        paths = [f"{loop}[{name.rpartition(_ITERATION)[2]}]" for name, _ in tasks]
        with ThreadPoolExecutor(workers, thread_name_prefix="iteration") as pool:
            begun = [
                self._submit(pool, path, lambda name=name, task=task: self._execute(name, task, arguments))
                for path, (name, task) in zip(paths, tasks, strict=True)
            ]
            results = [each.result() for each in begun]
        status = kfp(kfp_modules.STATUS).Status
        if any(result is None for result in results):
            return {}, status.FAILURE
        return {name: result for (name, _), result in zip(tasks, results, strict=True)}, status.SUCCESS

    def _run_tasks(self, tasks: Mapping[str, Any], arguments: dict[str, Any]) -> bool:
        """Whether all went well."""
        around = here()
        schedule = Schedule(_waiting(name, task) for name, task in tasks.items())
        running: dict[Future[dict[str, Json] | None], str] = {}
        with ThreadPoolExecutor(self.parallel, thread_name_prefix="task") as pool:
            while not schedule.over:
                for step in schedule.ready():
                    path = join(around, step.name)
                    if step.blocked:
                        self._blocked(path, step.name, step.blocked, step.failed, arguments)
                        continue
                    work = self._work(step.name, tasks[step.name], arguments)
                    running[self._submit(pool, path, work)] = step.name
                for done in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                    name = running.pop(done)
                    schedule.ended(name, self._take(name, join(around, name), done.result(), arguments))
        return not schedule.failed

    def _work(self, name: str, task: Any, arguments: dict[str, Any]) -> Callable[[], dict[str, Json]]:
        orchestrator = kfp(kfp_modules.ORCHESTRATOR)

        def loop() -> dict[str, Json]:
            failed = orchestrator._run_parallel_for_task(
                task_name=name, task_spec=task, parallel_executor=self, **arguments
            )
            if failed:
                raise TaskFailed("an iteration failed")
            return {}

        def conditional() -> dict[str, Json]:
            if not orchestrator.ConditionEvaluator.evaluate_condition(
                task.trigger_policy.condition, arguments["io_store"]
            ):
                raise NotWanted("its condition is not true")
            return self._execute(name, task, arguments)

        if task.trigger_policy.condition:
            return conditional
        return loop if orchestrator._has_valid_iterator(task) else lambda: self._execute(name, task, arguments)

    def _execute(self, name: str, task: Any, arguments: dict[str, Any]) -> dict[str, Json]:
        if arguments["components"][task.component_ref.name].HasField("dag"):
            self.board.inputs(here(), task_arguments(task.inputs, arguments["io_store"]))
        outputs, status = self.execute(task_name=name, task_spec=task, **arguments)
        if status is not kfp(kfp_modules.STATUS).Status.SUCCESS:
            raise TaskFailed("a task in it failed")
        return outputs

    def _submit(
        self, pool: ThreadPoolExecutor, path: str, work: Callable[[], dict[str, Json]]
    ) -> Future[dict[str, Json] | None]:
        context = contextvars.copy_context()
        return pool.submit(context.run, self._node, path, work)

    def _node(self, path: str, work: Callable[[], dict[str, Json]]) -> dict[str, Json] | None:
        """The outputs of the node's work; None when it has not come to its end well. The board knows more."""
        with at(path):
            if not self.stop.is_set():
                self.board.start(path)
            try:
                outputs = work()
            except NotWanted as reason:
                self.board.end(path, NodeState.SKIPPED, str(reason))
                return None
            except Exception as error:
                self._failed(path, error)
                return None
            self.board.outputs(path, outputs)
            self.board.end(path, NodeState.SUCCEEDED)
            return outputs

    def _failed(self, path: str, error: Exception) -> None:
        if self.stop.is_set():
            self.board.end(path, NodeState.CANCELED, "stopped on request")
            return
        if not isinstance(error, TaskFailed):
            _LOG.info("%s", path, exc_info=error)
        reason = str(error) or type(error).__name__
        _LOG.error("%s failed: %s", path, reason)
        self.board.end(path, NodeState.FAILED, reason)

    def _take(self, name: str, path: str, outputs: dict[str, Json] | None, arguments: dict[str, Any]) -> End:
        """Let the tasks beside it know how it has ended, as kfp.local does."""
        io_store = arguments["io_store"]
        if outputs is None:
            if self.board.states([path])[0] is NodeState.SKIPPED:
                return End.SKIPPED
            arguments["fail_stack"].append(name)
            io_store.put_task_status(name, "FAILED")
            return End.FAILED
        io_store.put_task_status(name, "SUCCEEDED")
        for key, value in outputs.items():
            io_store.put_task_output(name, key, value)
        return End.DONE

    def _blocked(self, path: str, name: str, reason: str, failed: bool, arguments: dict[str, Any]) -> None:
        if failed:
            arguments["io_store"].put_task_status(name, "FAILED")
        stopped = self.stop.is_set()
        self.board.end(path, NodeState.CANCELED if stopped else NodeState.SKIPPED, reason)


class TaskFailed(Exception):
    """The message is fit for the run's owner."""


class NotWanted(Exception):
    """A task whose condition is not true."""


def _waiting(name: str, task: Any) -> Waiting:
    policy = task.trigger_policy
    after_failure = policy.strategy == policy.TriggerStrategy.ALL_UPSTREAM_TASKS_COMPLETED
    status = any(each.HasField("task_final_status") for each in task.inputs.parameters.values())
    takes = {
        each.task_output_parameter.producer_task
        for each in task.inputs.parameters.values()
        if each.HasField("task_output_parameter")
    }
    takes |= {
        each.task_output_artifact.producer_task
        for each in task.inputs.artifacts.values()
        if each.HasField("task_output_artifact")
    }
    return Waiting(name, frozenset(task.dependent_tasks), frozenset(takes), after_failure, after_failure and status)
