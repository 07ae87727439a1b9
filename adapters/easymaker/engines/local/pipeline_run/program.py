"""One run from its beginning, or from where an earlier process was killed, to its end."""

import logging
import os
import threading
import time
from dataclasses import replace
from typing import Any

from adapters.easymaker.engines.local.json_files import write_json
from adapters.easymaker.engines.local.pipeline_run import finished_tasks, kfp_wiring, notes
from adapters.easymaker.engines.local.pipeline_run.board import Board, BoardFile
from adapters.easymaker.engines.local.pipeline_run.finished_tasks import DamagedJournal, History
from adapters.easymaker.engines.local.pipeline_run.interface import GOES_ON, INTERRUPTED, JOURNAL, STATE
from adapters.easymaker.engines.local.pipeline_run.nodes import Nodes, NodeState
from adapters.easymaker.engines.local.pipeline_run.orchestration import Orchestration
from adapters.easymaker.engines.local.pipeline_run.plan import RunPlan
from adapters.easymaker.engines.local.pipeline_run.recording import Recorder, RunJournal
from adapters.easymaker.engines.local.pipeline_run.stop_request import StopRequest
from adapters.easymaker.engines.local.pipeline_run.task_process import kill_remains
from adapters.easymaker.engines.local.pipeline_run.tasks import RUN_MARKER, Tasks, run_marker
from adapters.easymaker.engines.local.tuning.journal import read
from adapters.easymaker.pipelines.documents import Pipeline, load
from adapters.easymaker.pipelines.graph import graph
from adapters.easymaker.pipelines.parameters import InvalidParameters, check, parameters
from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.reading import read as read_specification
from adapters.easymaker.pipelines.specification import Specification
from adapters.easymaker.pipelines.support import unsupported

Json = Any
Ending = tuple[NodeState, str, dict[str, Json]]

_LOG = logging.getLogger(__name__)


class Run:
    """One process at a time: the journal's lock sees to it. Raises JournalInUse."""

    def __init__(self, plan: RunPlan, asked_to_stop: StopRequest) -> None:
        self._plan = plan
        self._asked_to_stop = asked_to_stop
        # Set when the request is on record: a run that was killed while it stopped does not go on later.
        self._stop = threading.Event()
        self._record = Recorder(RunJournal(plan.directory / JOURNAL))
        self._damage = ""
        try:
            self._history = History.of(read(plan.directory / JOURNAL))
        except DamagedJournal as error:
            self._history, self._damage = History(), f"the run's journal is damaged, it cannot go on: {error}"
        self._begun_at = self._history.begun_at or time.time()

    def run(self) -> NodeState:
        """To the end, which it returns; at once when that is on record."""
        if self._history.ended is not None:
            return NodeState(self._history.ended["state"])
        kill_remains(f"{RUN_MARKER}={run_marker(self._plan)}")
        if self._damage:
            return self._refuse(self._damage)
        if self._history.begun_at is None:
            self._record.append(finished_tasks.BEGUN, at=self._begun_at)
        if self._history.stopping:
            self._stop.set()
        threading.Thread(target=self._note_stop, name="stop", daemon=True).start()
        state = self._through()
        self._record.append(finished_tasks.ENDED, state=str(state), at=time.time())
        return state

    def _note_stop(self) -> None:
        self._asked_to_stop.wait()
        if (self._plan.directory / INTERRUPTED).exists():
            # As if killed: whoever supervises this program ends its tasks, and nothing is written down.
            os._exit(GOES_ON)
        try:
            self._record.append(finished_tasks.STOPPING)
        finally:
            self._stop.set()

    def _through(self) -> NodeState:
        try:
            pipeline = load(self._plan.pipeline.read_bytes())
            specification = read_specification(pipeline)
            self._check(pipeline, specification)
        except (InvalidPipeline, InvalidParameters, OSError) as error:
            return self._refuse(str(error))
        remarks = notes.remarks(pipeline, specification)
        board = self._board(specification, remarks)
        file = BoardFile(board, self._plan.directory / STATE)
        file.start()
        board.begin()
        state, reason, outputs = self._work(pipeline, board, remarks)
        board.finish(state, reason or ("" if state is NodeState.SUCCEEDED else board.failure), outputs)
        file.finish()
        _LOG.info("the run has ended: %s %s", state, board.failure)
        return state

    def _check(self, pipeline: Pipeline, specification: Specification) -> None:
        """Once more: this process does not know who has written its files."""
        problems = unsupported(pipeline)
        if not (self._plan.python.parent / "python3").exists():
            problems.append(f"there is no python3 beside {self._plan.python}")
        if problems:
            raise InvalidPipeline(problems)
        self._plan = replace(self._plan, arguments=check(parameters(specification), self._plan.arguments))
        self._plan.pipeline_root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _about(self) -> dict[str, Json]:
        return {"runId": self._plan.run_id, "startedAt": self._begun_at, "notes": [notes.IMAGES]}

    def _board(self, specification: Specification, remarks: dict[str, notes.Remarks]) -> Board:
        told = {path: remark.notes for path, remark in remarks.items()}
        nodes = Nodes(graph(specification), told, self._plan.limits.nodes)
        return Board(nodes, {**self._about(), "pipelineName": specification.name}, self._plan.pipeline_root)

    def _refuse(self, reason: str) -> NodeState:
        board = Board(Nodes({"nodes": []}, {}, 0), self._about(), self._plan.pipeline_root)
        board.finish(NodeState.FAILED, reason, {})
        write_json(self._plan.directory / STATE, board.to_json())
        _LOG.error("the run cannot begin: %s", reason)
        return NodeState.FAILED

    def _work(self, pipeline: Pipeline, board: Board, remarks: dict[str, notes.Remarks]) -> Ending:
        parallel = self._plan.limits.parallel_tasks
        orchestration = Orchestration(board, self._stop, parallel, kfp_wiring.any_task())
        simple = kfp_wiring.simple_task()
        tasks = Tasks(self._plan, board, self._record, self._history, self._stop, remarks, simple)
        kfp_wiring.install(self._plan, orchestration, tasks)
        reason = ""
        try:
            outputs, succeeded = kfp_wiring.run(pipeline.spec, self._plan)
        except Exception as error:
            # Whatever a pipeline has led kfp.local to: the run has failed, and says why.
            _LOG.exception("the run failed")
            outputs, succeeded, reason = {}, False, f"{type(error).__name__}: {error}"
        finally:
            tasks.end_all()
        if succeeded:
            return NodeState.SUCCEEDED, "", outputs
        if self._stop.is_set():
            return NodeState.CANCELED, "stopped on request", {}
        return NodeState.FAILED, reason, {}
