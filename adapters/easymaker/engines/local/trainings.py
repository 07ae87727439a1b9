"""Trainings on one machine: one launcher process per node, in the environment of the training's image."""

import shutil
from dataclasses import replace
from pathlib import Path

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.launching import launcher_fields, node_count
from adapters.easymaker.engines.local import processes
from adapters.easymaker.engines.local.job_resources import JobResources
from adapters.easymaker.engines.local.launcher_runs import LauncherRuns, Run
from adapters.easymaker.engines.local.logs import read_log_file
from adapters.easymaker.engines.local.processes.machine import enforcement
from adapters.easymaker.engines.local.tools import Tools
from adapters.easymaker.engines.local.training_progress import summarize
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds import training
from adapters.easymaker.kinds.record import Family, Goal, Record
from adapters.easymaker.settings import Settings

INTERRUPTED = "interrupted"


class TrainingDriver:
    def __init__(self, tools: Tools, catalogue: Catalogue, settings: Settings) -> None:
        self._home = tools.home
        self._runs = LauncherRuns(tools.runner, tools.access)
        self._environments = tools.environments
        self._background = tools.background
        self._catalogue = catalogue
        self._settings = settings

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT and self._traces(record):
            return Observation(Phase.STOPPED)
        nodes = self._runs.look(self._run(record))
        running = any(node.state.phase is processes.Phase.RUNNING for node in nodes)
        seen = summarize(nodes)
        # One that came to its end between the mark and the signal is not done again.
        interrupted = self._marker(record).exists() and not running and seen.phase is not Phase.SUCCEEDED
        # The build may be another training's: it concerns this one only as long as this one waits for it.
        waits = record.goal is Goal.PRESENT and (interrupted or seen.phase is Phase.MISSING)
        if waits and self._background.working(self._resources(record).build_key()):
            return Observation(Phase.PENDING, "the image's environment is being installed (first use)", recheck=0.5)
        if interrupted:
            return Observation(Phase.INTERRUPTED, "interrupted by a shutdown; it starts again")
        return replace(seen, detail=seen.detail | {"limits": enforcement()})

    def start(self, family: Family) -> None:
        record = family.record
        resources = self._resources(record)
        launcher = launcher_fields(record, self._catalogue, self._settings.region)
        work = resources.work(self._environments, launcher)
        if work is None:
            spec = resources.environment()
            self._background.ensure(resources.build_key(), lambda: self._environments.ensure(spec))
            return
        self._clear_interruption(record)
        self._runs.start(self._run(record), work)

    def stop(self, family: Family) -> None:
        self._runs.stop(self._run(family.record))

    def release(self, family: Family) -> None:
        """The nodes' working directories go; logs and TensorBoard data stay."""
        run = self._run(family.record)
        if self._runs.stop_living(run):
            raise TemporaryEngineError("the other nodes are ending", retry_after=0.5)
        self._runs.discard_work(run)

    def remove(self, family: Family) -> bool:
        run = self._run(family.record)
        if not self._runs.end(run):
            return False
        shutil.rmtree(run.directory, ignore_errors=True)
        shutil.rmtree(run.tensorboard, ignore_errors=True)
        return True

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        content, more = read_log_file(self._runs.log_path(self._run(family.record)), offset, limit)
        return content, more or family.record.status not in training.LIFECYCLE.settled

    def interrupt(self, training_id: str) -> None:
        """Note that the platform is about to end this training, so that it begins again later."""
        directory = self._home.jobs / training_id
        if directory.is_dir():
            (directory / INTERRUPTED).touch()

    def _run(self, record: Record) -> Run:
        tensorboard = self._home.tensorboard / record.spec["experimentId"] / record.id
        return Run(f"training-{record.id}", node_count(record), self._home.jobs / record.id, tensorboard)

    def _resources(self, record: Record) -> JobResources:
        return JobResources(record, "training", self._catalogue, self._settings)

    def _traces(self, record: Record) -> bool:
        run = self._run(record)
        return run.directory.exists() or run.tensorboard.exists()

    def _marker(self, record: Record) -> Path:
        return self._home.jobs / record.id / INTERRUPTED

    def _clear_interruption(self, record: Record) -> None:
        if not self._marker(record).exists():
            return
        run = self._run(record)
        if not self._runs.end(run):
            raise TemporaryEngineError("what the shutdown left is being removed", retry_after=0.3)
        shutil.rmtree(run.directory, ignore_errors=True)
