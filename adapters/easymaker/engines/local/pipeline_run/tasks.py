"""One task from its inputs to its outputs: taken from the journal, or run until it succeeds or its retries are used up.

How a task's command and its outputs come about is kfp.local's own code; the process, the folders and the retries are
ours.
"""

import contextvars
import hashlib
import itertools
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from adapters.easymaker.engines.local.pipeline_run import artifacts, finished_tasks, task_files, task_venv
from adapters.easymaker.engines.local.pipeline_run.board import Board
from adapters.easymaker.engines.local.pipeline_run.finished_tasks import History
from adapters.easymaker.engines.local.pipeline_run.nodes import NodeState
from adapters.easymaker.engines.local.pipeline_run.notes import Remarks
from adapters.easymaker.engines.local.pipeline_run.orchestration import TaskFailed, here
from adapters.easymaker.engines.local.pipeline_run.plan import RunPlan
from adapters.easymaker.engines.local.pipeline_run.recording import Recorder
from adapters.easymaker.engines.local.pipeline_run.retries import pauses
from adapters.easymaker.engines.local.pipeline_run.task_files import TaskFiles
from adapters.easymaker.engines.local.pipeline_run.task_process import Command, TaskProcesses
from adapters.easymaker.engines.local.processes.sandbox import Sandbox, sandboxed_argv
from adapters.easymaker.engines.local.processes.wrapper import records
from adapters.easymaker.pipelines import kfp_modules
from adapters.easymaker.pipelines.kfp_modules import kfp, task_arguments

Json = Any
Result = tuple[dict[str, Json], Any]

TASK_NAME = "EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME"
RUN_MARKER = "EASYMAKER_PIPELINE_RUN"
LOG = "log"

_LOG = logging.getLogger(__name__)


@dataclass
class _Attempt:
    files: TaskFiles
    name: str
    parameters: list[str]
    timeout: float | None
    ran: bool = False
    reason: str = ""


_attempt: contextvars.ContextVar[_Attempt] = contextvars.ContextVar("attempt")


@dataclass
class Tasks:
    """``execute`` is kfp.local's own function for a simple task."""

    plan: RunPlan
    board: Board
    record: Recorder
    history: History
    stop: threading.Event
    remarks: Mapping[str, Remarks]
    execute: Callable[..., Result]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: Any = field(default_factory=itertools.count)
    _logged: int = 0

    def __post_init__(self) -> None:
        self._slots = threading.BoundedSemaphore(self.plan.limits.parallel_tasks)
        self._processes = TaskProcesses(self.stop)
        # A folder is removed while the next task runs already.
        self._tidying = ThreadPoolExecutor(1, thread_name_prefix="tidying")
        self._work = self.plan.directory / "work"
        shutil.rmtree(self._work, ignore_errors=True)

    def run(self, **arguments: Any) -> Result:
        """In place of kfp.local's ``execute_single_task``. TaskFailed when the task has failed for good."""
        task, io_store = arguments["task_spec"], arguments["io_store"]
        given = task_arguments(task.inputs, io_store)
        self.board.inputs(here(), given)
        component = arguments["components"][task.component_ref.name]
        executor = arguments["executors"][component.executor_label]
        digest = finished_tasks.digest(component, executor, given, self.plan.pipeline_root)
        known = self._known(here(), digest)
        if known is not None:
            return known, kfp(kfp_modules.STATUS).Status.SUCCESS
        return self._attempts(digest, arguments, component)

    def end_all(self) -> None:
        """When no more is to be run: no process and no working folder is left."""
        self._processes.end_all()
        self._tidying.shutdown()
        shutil.rmtree(self._work, ignore_errors=True)

    def folder(self, **_: Any) -> str:
        """In place of kfp.local's ``construct_local_task_root``, which gives two tasks of one component one folder."""
        return str(_attempt.get().files.outputs)

    def run_command(self, handler: Any) -> Any:
        """In place of ``SubprocessTaskHandler.run``."""
        attempt = _attempt.get()
        attempt.ran = True
        command = self._command(attempt, handler.full_command, handler.env_vars)
        self.board.node(here(), log_file=str(command.log))
        attempt.reason = self._processes.run(command).reason
        with self._lock:
            self._logged += attempt.files.log.stat().st_size
        if not attempt.reason:
            try:
                task_files.check_outputs(attempt.files.outputs, attempt.parameters, self.plan.limits.output_bytes)
            except task_files.UnreadableOutput as error:
                attempt.reason = str(error)
        status = kfp(kfp_modules.STATUS).Status
        return status.FAILURE if attempt.reason else status.SUCCESS

    def _known(self, path: str, digest: str) -> dict[str, Json] | None:
        """The outputs that an earlier process of this run has written down."""
        event = self.history.tasks.get((path, digest))
        if event is None:
            return None
        root = self.plan.pipeline_root
        try:
            outputs = {name: artifacts.from_journal(value, root) for name, value in event["outputs"].items()}
        except FileNotFoundError as error:
            _LOG.warning("%s is run again: its artifact %s is not as it was", path, error)
            return None
        self.board.node(path, resumed=True, attempts=event["attempts"], log_file=event["log"], cached=event["cached"])
        self.board.start(path, event["started"])
        self.board.outputs(path, outputs)
        failed = event["reason"]
        self.board.end(path, NodeState.FAILED if failed else NodeState.SUCCEEDED, failed, event["at"])
        if failed:
            raise TaskFailed(failed)
        return outputs

    def _attempts(self, digest: str, arguments: dict[str, Any], component: Any) -> Result:
        path, begun = here(), time.time()
        waits = pauses(arguments["task_spec"].retry_policy)
        once = _without_retries(arguments)
        for number in itertools.count(1 + self.history.failed_attempts.get((path, digest), 0)):
            with self._slots:
                if self.stop.is_set():
                    raise TaskFailed("stopped on request")
                self.board.node(path, attempts=number)
                attempt = self._attempt(once["task_name"], component)
                result = self._once(attempt, once)
            if self.stop.is_set() and result is None:
                raise TaskFailed("stopped on request")
            if result is not None:
                self.board.node(path, cached=not attempt.ran and not _is_importer(arguments, component))
                self._finish(path, digest, begun, result[0])
                return result
            if number > len(waits):
                self._finish(path, digest, begun, {}, attempt.reason)
                raise TaskFailed(attempt.reason)
            _LOG.warning("%s: attempt %d failed (%s), one of %d", path, number, attempt.reason, len(waits) + 1)
            self.record.note(finished_tasks.ATTEMPT, node=path, digest=digest, number=number)
            self.stop.wait(waits[number - 1])
        raise AssertionError

    def _attempt(self, name: str, component: Any) -> _Attempt:
        path = here()
        log = self.plan.directory / "tasks" / path / LOG
        work = self._work / str(next(self._numbers))
        for folder in (log.parent, work, work / "tmp"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = TaskFiles(task_files.fresh(self.plan.pipeline_root / path), work, log)
        remark = self.remarks.get(self.board.get(path).graph_id, Remarks())
        timeout = remark.timeout or self.plan.limits.task_seconds
        return _Attempt(files, name, list(component.output_definitions.parameters), timeout)

    def _once(self, attempt: _Attempt, arguments: dict[str, Any]) -> Result | None:
        token = _attempt.set(attempt)
        try:
            outputs, status = self.execute(**arguments)
        except Exception as error:
            # Of kfp.local's reading of outputs, or of placeholders in what a user has given: it is this task's trouble.
            attempt.reason = attempt.reason or f"{type(error).__name__}: {error}"
            return self._gone(attempt)
        finally:
            _attempt.reset(token)
            self._tidying.submit(shutil.rmtree, attempt.files.work, ignore_errors=True)
        if status is kfp(kfp_modules.STATUS).Status.SUCCESS:
            return outputs, status
        return self._gone(attempt)

    def _gone(self, attempt: _Attempt) -> None:
        shutil.rmtree(attempt.files.outputs, ignore_errors=True)

    def _finish(self, path: str, digest: str, begun: float, outputs: dict[str, Json], reason: str = "") -> None:
        node, root = self.board.get(path), self.plan.pipeline_root
        self.record.note(
            finished_tasks.TASK,
            node=path,
            digest=digest,
            started=begun,
            at=time.time(),
            attempts=node.attempts,
            cached=node.cached,
            log=node.log_file,
            reason=reason,
            outputs={name: artifacts.to_journal(value, root) for name, value in outputs.items()},
        )

    def _command(self, attempt: _Attempt, argv: list[str], added: Mapping[str, str]) -> Command:
        limits, files = self.plan.limits, attempt.files
        box = self.plan.sandbox
        if box is not None:
            box = Sandbox(box.readable, (*box.writable, files.outputs, files.work), box.hidden)
        command, sandboxed = sandboxed_argv(box, argv)
        left = limits.run_log_bytes - self._logged
        return Command(
            argv=command,
            env=self._environment(attempt, added),
            cwd=files.work,
            log=files.log,
            log_bytes=max(0, min(limits.log_bytes, left)),
            grace_seconds=limits.grace_seconds,
            seconds=attempt.timeout,
            marker=f"{run_marker(self.plan)}-{next(self._numbers)}",
            sandboxed=sandboxed,
        )

    def _environment(self, attempt: _Attempt, added: Mapping[str, str]) -> dict[str, str]:
        """The given python comes first; kfp.local would exchange the word python3 in all of a task's values."""
        given = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **self.plan.environment, **added}
        private = task_venv.make(self.plan.python, attempt.files.work / "venv")
        programs = "" if private is None else f"{private}:"
        own = {
            "PATH": f"{programs}{self.plan.python.parent}:{given['PATH']}",
            "TMPDIR": str(attempt.files.work / "tmp"),
            TASK_NAME: attempt.name,
            RUN_MARKER: run_marker(self.plan),
        }
        # Who ends what is left of this program when it is killed, knows its processes by this.
        kept = {name: os.environ[name] for name in (records.MARKER_VARIABLE,) if name in os.environ}
        return {"HOME": str(attempt.files.work), **given, **own, **kept}


def run_marker(plan: RunPlan) -> str:
    return hashlib.sha256(str(plan.directory.resolve()).encode()).hexdigest()[:16]


def _without_retries(arguments: dict[str, Any]) -> dict[str, Any]:
    """kfp.local's own retries write into one folder, and sleep through a stop."""
    task = type(arguments["task_spec"])()
    task.CopyFrom(arguments["task_spec"])
    task.ClearField("retry_policy")
    return {**arguments, "task_spec": task}


def _is_importer(arguments: dict[str, Any], component: Any) -> bool:
    return arguments["executors"][component.executor_label].WhichOneof("spec") == "importer"
