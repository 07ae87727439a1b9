"""Hyperparameter tunings on one machine: a controller process each (tuning/), which runs the trials."""

import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines import tunings
from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.launching import launcher_fields
from adapters.easymaker.engines.local import processes
from adapters.easymaker.engines.local.job_access import package_settings
from adapters.easymaker.engines.local.job_resources import JobResources
from adapters.easymaker.engines.local.json_files import write_json
from adapters.easymaker.engines.local.launcher_runs import Work
from adapters.easymaker.engines.local.logs import last_line, read_log_file
from adapters.easymaker.engines.local.processes import ProcessSpec, ProcessState
from adapters.easymaker.engines.local.processes.machine import enforcement
from adapters.easymaker.engines.local.restarts import Restarts
from adapters.easymaker.engines.local.tools import Tools
from adapters.easymaker.engines.local.tuning import controller, trials
from adapters.easymaker.engines.local.tuning.ledger import Ledger, Trial
from adapters.easymaker.engines.local.tuning.plan import Plan, Storage
from adapters.easymaker.engines.local.tuning_progress import Details, Journals, series_views, trial_views
from adapters.easymaker.engines.local.tuning_services import CONTROLLER_PREFIX, TuningServices
from adapters.easymaker.errors import NotFound, TemporaryEngineError
from adapters.easymaker.kinds import hyperparameter_tuning
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from adapters.easymaker.settings import Settings

PROGRAM = "adapters.easymaker.engines.local.tuning"
PLAN = "plan.json"
WATCH_SECONDS = 0.5
START_SECONDS = 0.2
GRACE_SECONDS = 10.0
# A look may not take long, and there may be thousands of trials.
REMOVE_SECONDS = 2.0
# A controller that dies again and again without having written anything would never get further.
MOST_RESTARTS = 10
LIVING = (processes.Phase.STARTING, processes.Phase.RUNNING)


class TuningDriver:
    def __init__(self, tools: Tools, catalogue: Catalogue, settings: Settings) -> None:
        self._home = tools.home
        self._runner = tools.runner
        self._environments = tools.environments
        self._background = tools.background
        self._access = tools.access
        self._services = TuningServices(tools.home, tools.runner)
        self._catalogue = catalogue
        self._settings = settings
        self._journals = Journals()
        self._details = Details()

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT and self._traces(record):
            return Observation(Phase.STOPPED)
        state = self._runner.observe(_name(record))
        ledger = self._ledger(record)
        if ledger is not None and ledger.over:
            return self._ended(record, ledger)
        if state.phase in LIVING:
            return self._running(record, ledger)
        if (hopeless := self._given_up(record, state, ledger)) is not None:
            return Observation(Phase.FAILED, hopeless, self._detail(record, ledger))
        if record.goal is Goal.STOPPED and ledger is not None:
            return Observation(Phase.RUNNING, "its trainings are being ended", recheck=START_SECONDS)
        # The build may be another's: it concerns this one only as long as this one waits for it.
        if record.goal is Goal.PRESENT and self._background.working(self._resources(record).build_key()):
            return Observation(Phase.PENDING, "the image's environment is being installed (first use)", recheck=0.5)
        if ledger is None and (state.phase is processes.Phase.MISSING or record.goal is Goal.STOPPED):
            return Observation(Phase.MISSING)
        return Observation(Phase.INTERRUPTED, "it was interrupted and goes on", self._detail(record, ledger))

    def start(self, family: Family) -> None:
        record = family.record
        resources = self._resources(record)
        nodes = tunings.nodes_of_a_trial(record)
        launcher = launcher_fields(record, self._catalogue, self._settings.region) | {"instance_count": nodes}
        work = resources.work(self._environments, launcher)
        if work is None:
            spec = resources.environment()
            self._background.ensure(resources.build_key(), lambda: self._environments.ensure(spec))
            return
        plan = self._plan(record, work)
        self._services.start()
        plan.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(plan.directory / PLAN, plan.to_json())
        self._launch(record)

    def stop(self, family: Family) -> None:
        """The controller ends its trials and then itself; one that is dead is started for that."""
        record = family.record
        if self._ledger(record) is None:
            self._runner.stop(_name(record))
            return
        (self._directory(record) / controller.STOP).touch()
        self._launch(record)

    def release(self, family: Family) -> None:
        """Ends what should have ended; logs, metrics and TensorBoard data stay."""
        record = family.record
        living = [name for name in self._names(record) if self._runner.observe(name).phase in LIVING]
        for name in living:
            self._runner.stop(name)
        if living:
            raise TemporaryEngineError("its trainings are ending", retry_after=0.5)
        for directory in self._directory(record).glob("trials/*/node-*/work"):
            shutil.rmtree(directory, ignore_errors=True)

    def remove(self, family: Family) -> bool:
        record = family.record
        # The controller first: it starts others.
        if not self._runner.remove(_name(record)):
            return False
        deadline = time.monotonic() + REMOVE_SECONDS
        for name in self._names(record):
            if not self._runner.remove(name) or time.monotonic() > deadline:
                return False
        (self._services.directory / self._services.sockets(record.id).observations).unlink(missing_ok=True)
        shutil.rmtree(self._tensorboard(record), ignore_errors=True)
        shutil.rmtree(self._directory(record), ignore_errors=True)
        return not self._traces(record)

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        content, more = read_log_file(self._directory(family.record) / controller.LOG, offset, limit)
        return content, more or family.record.status not in hyperparameter_tuning.LIFECYCLE.settled

    def read_part_log(self, family: Family, part: str, offset: int, limit: int) -> tuple[bytes, bool]:
        """The log of a trial's first node, of its newest attempt."""
        trial = self._trial(family.record, part)
        name = f"{trials.process_prefix(family.record.id)}{trial.number:04d}-{trial.attempt}-0"
        content, more = read_log_file(self._runner.log_path(name), offset, limit)
        return content, more or trial.active

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        record, directory = family.record, self._directory(family.record)
        ledger = self._ledger(record) or Ledger()
        if path == "trials":
            now = time.time()
            return [tunings.trial_answer(record, view, now) for view in trial_views(record, ledger, directory)]
        chosen = [self._trial(record, query["trialId"])] if "trialId" in query else ledger.ordered
        return tunings.series_answer(series_views(record, directory, chosen))

    def _directory(self, record: Record) -> Path:
        return self._home.jobs / record.id

    def _tensorboard(self, record: Record) -> Path:
        return self._home.tensorboard / record.spec["experimentId"] / record.id

    def _traces(self, record: Record) -> bool:
        return self._directory(record).exists() or self._tensorboard(record).exists()

    def _resources(self, record: Record) -> JobResources:
        return JobResources(record, "hyperparameter tuning", self._catalogue, self._settings)

    def _ledger(self, record: Record) -> Ledger | None:
        return self._journals.ledger(self._directory(record) / controller.JOURNAL)

    def _names(self, record: Record) -> list[str]:
        prefix = trials.process_prefix(record.id)
        return [name for name in self._runner.names() if name == _name(record) or name.startswith(prefix)]

    def _trial(self, record: Record, trial_id: str) -> Trial:
        ledger = self._ledger(record) or Ledger()
        found = next((trial for trial in ledger.trials.values() if trial.id == trial_id), None)
        if found is None:
            raise NotFound(f"there is no training {trial_id} of hyperparameter tuning {record.name}")
        return found

    def _detail(self, record: Record, ledger: Ledger | None) -> Json:
        if ledger is None:
            return {"limits": enforcement()}
        return self._details.detail(record, ledger) | {"limits": enforcement()}

    def _running(self, record: Record, ledger: Ledger | None) -> Observation:
        detail = self._detail(record, ledger)
        if ledger is None or not ledger.trials:
            return Observation(Phase.PENDING, "the first trainings are being chosen", detail, START_SECONDS)
        return Observation(Phase.RUNNING, "", detail, WATCH_SECONDS)

    def _ended(self, record: Record, ledger: Ledger) -> Observation:
        end = ledger.end
        assert end is not None
        detail = self._detail(record, ledger)
        if end.stopped:
            return Observation(Phase.STOPPED, end.reason, detail)
        if end.succeeded:
            return Observation(Phase.SUCCEEDED, end.detail, detail)
        return Observation(Phase.FAILED, f"{end.detail}: {end.reason}", detail)

    def _plan(self, record: Record, work: Work) -> Plan:
        access = self._access()
        return Plan(
            tuning_id=record.id,
            tuning_name=record.name,
            trial_prefix=tunings.trial_id(record, 1).rpartition("-")[0],
            experiment=tunings.tuning_experiment(record),
            metric_regex=record.spec["metricRegex"],
            nodes=tunings.nodes_of_a_trial(record),
            work=work,
            model_upload_uri=record.spec["modelUploadUri"],
            checkpoint_upload_uri=record.spec.get("checkPointUploadUri"),
            directory=self._directory(record),
            tensorboard=self._tensorboard(record),
            home=self._home,
            storage=Storage(access.object_storage, access.ca_file, access.token_key_file),
            sockets=self._services.sockets(record.id),
        )

    def _launch(self, record: Record) -> None:
        """Have the controller run, by the plan that was written last."""
        name = _name(record)
        state = self._runner.observe(name)
        if state.phase is processes.Phase.MISSING:
            self._runner.start(name, self._process(record))
        elif state.over:
            if state.cause != "stopped":
                self._restarts(record, self._ledger(record)).note()
            self._runner.restart(name, self._process(record))

    def _process(self, record: Record) -> ProcessSpec:
        directory = self._directory(record)
        settings = package_settings()
        # gRPC has threads, and the controller starts processes. HOME is that of the files which trials must not see.
        own = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(Path.home()), "GRPC_ENABLE_FORK_SUPPORT": "0"}
        return ProcessSpec(
            argv=(sys.executable, "-P", "-m", PROGRAM, str(directory / PLAN)),
            env={"LANG": "C.UTF-8"} | settings | own,
            cwd=self._services.directory,
            grace_seconds=GRACE_SECONDS,
            outlived=True,
        )

    def _restarts(self, record: Record, ledger: Ledger | None) -> Restarts:
        return Restarts(self._directory(record), ledger.version if ledger is not None else 0, MOST_RESTARTS)

    def _given_up(self, record: Record, state: ProcessState, ledger: Ledger | None) -> str | None:
        if not state.over or not self._restarts(record, ledger).used_up:
            return None
        told = last_line(self._runner.log_path(_name(record))) or state.reason
        return f"its controller died {MOST_RESTARTS} times in a row, last: {told}"


def _name(record: Record) -> str:
    return CONTROLLER_PREFIX + record.id
