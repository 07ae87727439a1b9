"""Tunings on one machine without the adapter around: the real driver, controller, services and trials."""

import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from adapters.easymaker import catalogue
from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local.access import Access
from adapters.easymaker.engines.local.background import Background
from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.processes import ProcessRunner, ProcessSpec
from adapters.easymaker.engines.local.tools import Tools
from adapters.easymaker.engines.local.tuning import ledger, trials
from adapters.easymaker.engines.local.tuning.controller import JOURNAL, LOG
from adapters.easymaker.engines.local.tuning.journal import Event, read
from adapters.easymaker.engines.local.tuning_services import TuningServices
from adapters.easymaker.engines.local.tunings import TuningDriver
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from adapters.easymaker.settings import Settings
from tests.conftest import PATIENCE, wait_for

APPKEY = "tuner"
IMAGE = "Ubuntu 22.04 CPU Python Training"
ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.STOPPED)

# Prints its losses, one a step; each run leaves a line in the file "runs" of its directory. What a trial does beyond
# that is said by files: "hold" keeps trials waiting, and a number in "fail" ends those with that exit code.
SCRIPT = """
import argparse, os, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, default=0.0)
parser.add_argument("--kind", default="")
options, _ = parser.parse_known_args()
control = pathlib.Path("{control}")
with (control / "runs").open("a") as runs:
    runs.write(f"{{options.x}} {{options.kind}} {{os.environ.get('EM_HP_X', '')}}\\n")
for step in range({steps}):
    print(f"step {{step}}", f"loss={{(options.x - 0.3) ** 2 + 1 / (step + 1):.6f}}", flush=True)
while (control / "hold").exists() and not (control / f"go-{{options.x}}").exists():
    time.sleep(0.02)
print(f"loss={{(options.x - 0.3) ** 2:.6f}} accuracy = {{1 - options.x}}", flush=True)
with open(os.path.join(os.environ["EM_MODEL_DIR"], "model.txt"), "w") as file:
    file.write(str(options.x))
if (control / "fail").exists():
    sys.exit(int((control / "fail").read_text()))
"""


def record_of(spec: Json) -> Record:
    now, kind = datetime.now(UTC), "hyperparameter-tuning"
    made = str(uuid.uuid4())
    return Record(made, kind, APPKEY, "tuning", "", "RUNNING", "", Goal.PRESENT, spec, {}, "", now, now, 1)


# The first trial is good; those after it are worse, and only end when they are ended.
STOPPED_EARLY = """
import pathlib, time
runs = pathlib.Path("{control}") / "runs"
first = not runs.exists()
with runs.open("a") as file:
    file.write("begun\\n")
for loss in (2, 1, 0.5) if first else (9, 7, 8):
    print(f"loss={{loss}}", flush=True)
if not first:
    time.sleep(600)
"""


class ArmedRunner(ProcessRunner):
    """Has controllers kill themselves at a crash point, each of them anew, as long as ``crash_at`` is set."""

    crash_at = ""

    def start(self, name: str, spec: ProcessSpec) -> None:
        super().start(name, self._armed(name, spec))

    def restart(self, name: str, spec: ProcessSpec) -> None:
        super().restart(name, self._armed(name, spec))

    def _armed(self, name: str, spec: ProcessSpec) -> ProcessSpec:
        if not (self.crash_at and name.startswith("tuning-")):
            return spec
        return replace(spec, env={**spec.env, "EASYMAKER_CRASH_AT": self.crash_at})


@dataclass
class TuningWorld:
    """A home of its own. ``drive`` is what the reconcile loop does for one tuning."""

    root: Path
    deaths: int = 0
    """How often a look has found the controller dead before its tuning's end."""

    def __post_init__(self) -> None:
        self.home = LocalHome(self.root / "home", self.root / "home" / "nas", self.root / "home" / "secrets")
        self.home.create()
        self.runner = ArmedRunner(self.home.processes)
        self.services = TuningServices(self.home, self.runner)
        self.settings = Settings(home=self.home.root, local_disk_limit_mb=200)
        self.catalogue = catalogue.load(None)
        (self.root / "token.key").write_bytes(b"k" * 32)
        (self.root / "ca.pem").touch()
        self.control = self.home.nas_of(APPKEY) / "control"
        self.code = self.home.nas_of(APPKEY) / "code"
        for directory in (self.control, self.code):
            directory.mkdir()
        self.driver = self.make_driver()

    def make_driver(self) -> TuningDriver:
        """As an adapter that was started again has it: with nothing remembered."""
        access = Access(self.home, self.root / "token.key", "127.0.0.1:9", self.root / "ca.pem")
        environments = Environments(self.settings.cache_dir)
        tools = Tools(self.home, self.runner, environments, Background(), lambda: access)
        return TuningDriver(tools, self.catalogue, self.settings)

    def script(self, steps: int = 3, text: str = SCRIPT) -> None:
        (self.code / "main.py").write_text(text.format(control=self.control, steps=steps))

    def tuning(self, **changes: Any) -> Record:
        """A record like one that the API has made."""
        image = next(each.image_id for each in self.catalogue.images if each.image_name == IMAGE)
        flavor = next(each.id for each in self.catalogue.flavors if each.name == "m2.c1m2")
        spec = {
            "experimentId": "experiment",
            "imageId": image,
            "flavorId": flavor,
            "instanceCount": changes.get("parallelTrialCount", 2),
            "useTorchrun": False,
            "nprocPerNode": 1,
            "sourceDirUri": "nas://code:/",
            "entryPoint": "main.py",
            "datasetList": [],
            "modelUploadUri": "nas://out:/models",
            "timeoutMinutes": 60,
            "hyperparameterSpecList": [
                {
                    "hyperparameterName": "x",
                    "hyperparameterTypeCode": "double",
                    "hyperparameterMinValue": "0",
                    "hyperparameterMaxValue": "1",
                    "hyperparameterStep": "0.1",
                }
            ],
            "metricList": [{"name": "loss"}, {"name": "accuracy"}],
            "metricRegex": r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)",
            "objectiveMetric": {"name": "loss"},
            "objectiveTypeCode": "MINIMIZE",
            "maxTrialCount": 4,
            "parallelTrialCount": 2,
            "tuningStrategyName": "RANDOM",
            "tuningStrategyRandomState": 7,
            "earlyStoppingMinTrialCount": 3,
            "earlyStoppingStartStep": 4,
        } | changes
        return record_of(spec)

    def early_stopping_tuning(self, **changes: Any) -> Record:
        """Of three trials one after the other; the rule for the second is made from the first alone."""
        early = {
            "earlyStoppingAlgorithm": "MEDIAN",
            "earlyStoppingMinTrialCount": 1,
            "earlyStoppingStartStep": 2,
            "parallelTrialCount": 1,
            "maxTrialCount": 3,
        }
        return self.tuning(**early | changes)

    def look(self, record: Record) -> Observation:
        """One look of the loop: what is missing or was interrupted is started."""
        family = Family(record)
        with suppress(TemporaryEngineError):
            seen = self.driver.observe(family)
            self.deaths += seen.phase is Phase.INTERRUPTED
            if seen.phase in (Phase.MISSING, Phase.INTERRUPTED) and record.goal is Goal.PRESENT:
                self.driver.start(family)
            if seen.phase in (Phase.PENDING, Phase.RUNNING) and record.goal is Goal.STOPPED:
                self.driver.stop(family)
            self.services.supervise()
            return seen
        return Observation(Phase.PENDING)

    def drive(self, record: Record, until: Callable[[Observation], Any], what: str = "") -> Observation:
        seen = Observation(Phase.MISSING)

        def arrived() -> bool:
            nonlocal seen
            seen = self.look(record)
            return bool(until(seen))

        try:
            wait_for(arrived, PATIENCE, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}\n{self.log(record)}\n{self.output(record)}") from None
        return seen

    def finish(self, record: Record) -> Observation:
        return self.drive(record, lambda seen: seen.phase in ENDED, "the tuning has ended")

    def stop(self, record: Record) -> Record:
        return replace(record, goal=Goal.STOPPED)

    def log(self, record: Record) -> str:
        path = self.home.jobs / record.id / LOG
        return path.read_text() if path.exists() else ""

    def output(self, record: Record) -> str:
        """What the controller's process itself has printed: nothing, unless it failed."""
        path = self.runner.log_path(f"tuning-{record.id}")
        return path.read_text() if path.exists() else ""

    def events(self, record: Record) -> list[Event]:
        return list(read(self.home.jobs / record.id / JOURNAL))

    def ledger(self, record: Record) -> ledger.Ledger:
        return ledger.Ledger.of(self.events(record))

    def conditions(self, record: Record) -> list[str]:
        return [str(trial.condition) for trial in self.ledger(record).ordered]

    def trials(self, record: Record) -> list[Json]:
        return self.driver.report("trials", Family(record), {})

    def driver_series(self, record: Record) -> list[list[str]]:
        """Of each trial's loss, all values."""
        series = self.driver.report("metrics", Family(record), {})
        return [[each["value"] for each in one["valueList"]] for one in series if one["trialMetricName"] == "loss"]

    def runs(self) -> list[str]:
        """The values with which trials have begun, in that order."""
        path = self.control / "runs"
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []

    def trial_log(self, record: Record, trial_id: str) -> str:
        return self.driver.read_part_log(Family(record), trial_id, 0, 1 << 20)[0].decode()

    def processes_of(self, record: Record) -> list[str]:
        prefix = trials.process_prefix(record.id)
        return [name for name in self.runner.names() if name.startswith(prefix)]

    def pid(self, name: str) -> int | None:
        return self.runner.observe(name).pid

    def wrapper_pid(self, name: str) -> int | None:
        path = self.runner.directory(name) / "started"
        return json.loads(path.read_text())["pid"] if path.exists() else None

    def delete(self, record: Record) -> None:
        gone = replace(record, goal=Goal.ABSENT)
        wait_for(lambda: self.driver.remove(Family(gone)), PATIENCE, "the tuning is removed")

    def remains(self, record: Record) -> list[str]:
        """What a deleted tuning has left behind."""
        found = [str(path) for path in self.home.root.rglob(f"*{record.id}*") if "nas" not in path.parts]
        short = record.id.replace("-", "")
        found += [str(path) for path in self.home.root.rglob(f"*{short}*")]
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if record.id in " ".join([*process.cmdline(), *process.environ().values()]):
                    found.append(f"process {process.pid}")
        return found

    def close(self) -> None:
        for name in sorted(self.runner.names(), key=lambda name: not name.startswith("tuning-")):
            wait_for(lambda name=name: self.runner.remove(name), PATIENCE, f"{name} is gone")


@contextmanager
def tuning_world() -> Iterator[TuningWorld]:
    # A short path: sockets lie below it.
    root = Path(tempfile.mkdtemp(prefix="em-tune-"))
    world = TuningWorld(root)
    try:
        yield world
    finally:
        world.close()
        shutil.rmtree(root, ignore_errors=True)
