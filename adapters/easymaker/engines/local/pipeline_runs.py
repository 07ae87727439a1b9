"""Pipeline runs on one machine: a program each (pipeline_run/), which runs the steps."""

import time
from collections.abc import Mapping
from typing import Any

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.base import Content, Observation, Phase
from adapters.easymaker.engines.local import pipeline_states, processes
from adapters.easymaker.engines.local.json_files import read_json, write_json, write_text
from adapters.easymaker.engines.local.logs import last_line, read_log_file
from adapters.easymaker.engines.local.pipeline_downloads import content_of
from adapters.easymaker.engines.local.pipeline_plans import STEPS, RunFiles, RunMaker
from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.pipeline_tokens import RunTokens
from adapters.easymaker.engines.local.processes import ProcessState
from adapters.easymaker.engines.local.processes.machine import enforcement
from adapters.easymaker.engines.local.processes.removal import delete_tree
from adapters.easymaker.engines.local.restarts import Restarts
from adapters.easymaker.engines.local.tools import Tools
from adapters.easymaker.engines.pipelines import document_text, not_begun, run_graph
from adapters.easymaker.errors import NotFound, PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds import pipeline_run
from adapters.easymaker.kinds.pipeline import stored
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.graph import graph
from adapters.easymaker.pipelines.parameters import parameters, with_defaults
from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.reading import read
from adapters.easymaker.pipelines.support import unsupported
from adapters.easymaker.settings import Settings

PREFIX = "pipeline-run-"
WATCH_SECONDS = 0.5
START_SECONDS = 0.2
# Between a run's last word and its program's end; not waited for any longer.
END_SECONDS = 5.0
END_LOOK_SECONDS = 0.05
# A look may not take long, and a run may have left very many files.
REMOVE_SECONDS = 2.0
LIVING = (processes.Phase.STARTING, processes.Phase.RUNNING)
BUILD = "environment:pipeline-steps"
MOST_RESTARTS = 5
# Ends that another attempt would come to again.
HOPELESS = ("memory", "disk", "timeout", "unstartable")


class PipelineRunDriver:
    def __init__(self, tools: Tools, catalogue: Catalogue, settings: Settings) -> None:
        self._tools = tools
        self._runner = tools.runner
        self._background = tools.background
        self._catalogue = catalogue
        self._settings = settings
        self._tokens = RunTokens(tools.home)

    def observe(self, family: Family) -> Observation:
        record, files = family.record, self._files(family.record)
        if record.goal is Goal.ABSENT and files.directory.exists():
            return Observation(Phase.STOPPED)
        state = interface.read_state(files.directory)
        process = self._runner.observe(_name(record))
        detail = self._detail(files, state, process)
        if state is not None and interface.is_over(state):
            if process.phase in LIVING and time.time() - state["endedAt"] < END_SECONDS:
                return Observation(Phase.RUNNING, "", detail, END_LOOK_SECONDS)
            return pipeline_states.ended(state, detail)
        if process.phase in LIVING:
            return _running(state, detail)
        # The build may be another's: it concerns this one only as long as this one waits for it.
        if record.goal is Goal.PRESENT and self._background.working(BUILD):
            return Observation(Phase.PENDING, "the steps' Python environment is being installed (first use)")
        if process.phase is processes.Phase.MISSING:
            return Observation(Phase.MISSING)
        return self._broken_off(files, state, process, detail)

    def start(self, family: Family) -> None:
        record, files = family.record, self._files(family.record)
        if files.ended.exists() or interface.is_over(interface.read_state(files.directory)):
            return
        if not files.document.exists():
            self._store(family, files)
        python = self._tools.environments.python(STEPS)
        if python is None:
            self._background.ensure(BUILD, lambda: self._tools.environments.ensure(STEPS))
            return
        maker = RunMaker(record, self._catalogue, self._settings, self._tools.access(), files)
        plan = maker.plan(python, self._tokens.issue(record.id, record.appkey))
        interface.write_plan(plan)
        spec = interface.process_spec(plan, maker.limits())
        process = self._runner.observe(_name(record))
        if process.over:
            if pipeline_states.died(process):
                self._restarts(files).note()
            self._runner.restart(_name(record), spec)
            files.interrupted.unlink(missing_ok=True)
        else:
            self._runner.start(_name(record), spec)

    def stop(self, family: Family) -> None:
        """The program ends its steps and says so in the run's state."""
        self._runner.stop(_name(family.record))

    def release(self, family: Family) -> None:
        """Ends what should have ended, and the token; logs, states and artifacts stay."""
        record, files = family.record, self._files(family.record)
        self._tokens.revoke(record.id)
        if self._runner.observe(_name(record)).phase in LIVING:
            self._runner.stop(_name(record))
            raise TemporaryEngineError("its steps are ending", retry_after=0.5)
        if files.directory.exists() and not files.ended.exists():
            delete_tree(files.directory / "work", time.monotonic() + REMOVE_SECONDS)
            files.ended.touch()

    def remove(self, family: Family) -> bool:
        record = family.record
        self._tokens.revoke(record.id)
        if not self._runner.remove(_name(record)):
            return False
        return delete_tree(self._files(record).directory, time.monotonic() + REMOVE_SECONDS)

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        content, more = read_log_file(self._runner.log_path(_name(family.record)), offset, limit)
        return content, more or not _settled(family.record)

    def read_part_log(self, family: Family, part: str, offset: int, limit: int) -> tuple[bytes, bool]:
        """A step's, all its attempts."""
        files = self._files(family.record)
        node = pipeline_states.node(interface.read_state(files.directory), part)
        if node is None:
            self._require_node(family, part)
            return b"", not _settled(family.record)
        path = interface.artifact_path(node["logFile"] or "", files.tasks)
        content, more = read_log_file(path, offset, limit) if path is not None else (b"", False)
        return content, more or (pipeline_states.goes_on(node) and not _settled(family.record))

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        files = self._files(family.record)
        shape = self._graph(family)
        state = interface.read_state(files.directory)
        views = pipeline_states.views(state, _settled(family.record)) if state else not_begun(shape)
        return run_graph(shape, views, query)

    def download(self, path: str, family: Family, query: Mapping[str, str]) -> Content:
        files = self._files(family.record)
        node = pipeline_states.node(interface.read_state(files.directory), query["nodeId"])
        if node is None:
            self._require_node(family, query["nodeId"])
            raise NotFound(f"node {query['nodeId']} has made no artifact yet")
        artifact = pipeline_states.artifact(node, query["artifactName"])
        if files.expired.exists():
            days = self._settings.pipeline_artifact_retention_days
            raise NotFound(f"the artifacts of this run are older than {days:g} days and were removed")
        found = interface.artifact_path(artifact["uri"], files.artifacts)
        if found is None:
            raise NotFound(f"{artifact['name']} is not stored with this run: it is at {artifact['uri'][:300]}")
        return content_of(found, artifact["name"])

    def interrupt(self, run_id: str) -> None:
        """Note that the platform is about to end this run, so that it goes on later."""
        files = RunFiles(self._tools.home.root / "pipelines" / run_id)
        if files.directory.is_dir():
            files.interrupted.touch()

    def _files(self, record: Record) -> RunFiles:
        return RunFiles(self._tools.home.root / "pipelines" / record.id)

    def _restarts(self, files: RunFiles) -> Restarts:
        journal = files.directory / interface.JOURNAL
        return Restarts(files.directory, journal.stat().st_size if journal.exists() else 0, MOST_RESTARTS)

    def _store(self, family: Family, files: RunFiles) -> None:
        """The pipeline as it is now: it may be deleted while the run goes on."""
        source = family.ref("pipeline")
        if source is None:
            raise PermanentEngineError("its pipeline was deleted before the run began")
        pipeline = stored(source.spec)
        _require_runnable(pipeline, family.record)
        files.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(files.graph, graph(read(pipeline)))
        write_text(files.document, document_text(pipeline))

    def _graph(self, family: Family) -> Json:
        shape = read_json(self._files(family.record).graph, None)
        source = family.ref("pipeline")
        if shape is None and source is not None:
            return graph(read(stored(source.spec)))
        return shape or {"nodes": [], "edges": []}

    def _require_node(self, family: Family, node_id: str) -> None:
        run_graph(self._graph(family), not_begun(self._graph(family)), {"nodeId": node_id})

    def _detail(self, files: RunFiles, state: Json | None, process: ProcessState) -> Json:
        started = (state or {}).get("startedAt") or process.started_at
        finished = (state or {}).get("endedAt") or process.finished_at
        return {
            "startedAt": started,
            "finishedAt": None if process.phase in LIVING and not interface.is_over(state) else finished,
            "limits": enforcement(),
            "artifactsExpired": files.expired.exists(),
        }

    def _broken_off(self, files: RunFiles, state: Json | None, process: ProcessState, detail: Json) -> Observation:
        """Its program has ended without saying how the run has."""
        if files.interrupted.exists() and not files.ended.exists():
            return Observation(Phase.INTERRUPTED, "interrupted by a shutdown; it goes on", detail)
        if process.cause in HOPELESS:
            return Observation(Phase.FAILED, process.reason, detail)
        if pipeline_states.died(process) and self._restarts(files).used_up:
            told = last_line(self._runner.log_path(PREFIX + files.directory.name)) or process.reason
            return Observation(Phase.FAILED, f"its program died again and again, last: {told}", detail)
        if files.ended.exists() or (process.cause == "stopped" and state is None):
            return Observation(Phase.STOPPED, "stopped", detail)
        return Observation(Phase.INTERRUPTED, "it was interrupted and goes on", detail)


def _name(record: Record) -> str:
    return PREFIX + record.id


def _settled(record: Record) -> bool:
    return record.status in pipeline_run.LIFECYCLE.settled


def _running(state: Json | None, detail: Json) -> Observation:
    if state is None or state["state"] == "PENDING":
        return Observation(Phase.PENDING, "the run's program is starting", detail, START_SECONDS)
    return Observation(Phase.RUNNING, "", detail, WATCH_SECONDS)


def _require_runnable(pipeline: Pipeline, record: Record) -> None:
    """Once more with the values that are known now."""
    try:
        declared = parameters(read(pipeline))
        problems = unsupported(pipeline, with_defaults(declared, record.spec["arguments"]))
    except InvalidPipeline as error:
        problems = list(error.problems)
    if problems:
        raise PermanentEngineError("; ".join(problems)[:2_000])
