"""The local engine: real processes, a real object storage and a real Envoy below a temporary home."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.local.engine import LocalEngine, build_local, local_home
from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.model_servers import ENVIRONMENT
from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.engines.local.secret_files import SecretFiles
from adapters.easymaker.kinds.record import Json, Record
from adapters.easymaker.settings import Settings
from tests.conformance.bodies import NUMBERS, TUNED
from tests.conformance.rows import Rows
from tests.conformance.world import Drivers, World, until
from tests.ports import free_ports

APPKEY = "conformance"
JOB = Path(__file__).with_name("job.py")
ARTIFACT = "model.joblib"
TRAIN = """
import joblib, sys
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
joblib.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), sys.argv[1])
"""
# What is the user's, and what is everybody's.
NOT_OF_A_RESOURCE = ("nas", "envoy", "object-storage")


class LocalWorld(World):
    name = "local"

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._settings = settings
        super().__init__()
        self._catalogue = catalogue
        self.rows = Rows(APPKEY, catalogue)
        self._home = local_home(settings)
        self._engine = self._build()
        self._engine.platform.start(lambda part: None)
        self.drivers = self._engine.engine.drivers
        self.secrets = SecretFiles(self._home)
        code = self._nas("code")
        shutil.copy(JOB, code / "job.py")

    def close(self) -> None:
        """End everything below the home."""
        self._engine.platform.stop()
        runner = ProcessRunner(self._home.processes)
        for name in runner.names():
            until(lambda name=name: runner.remove(name), lambda name=name: f"{name} is removed")

    def needs(self, kind: str) -> Json:
        if kind in ("training", "training-template"):
            control = self._nas("control") / str(next(NUMBERS))
            control.mkdir()
            return {"hyperparameterList": [{"parameterName": "control", "parameterValue": str(control)}]}
        if kind == "hyperparameter-tuning":
            control = self._nas("control") / str(next(NUMBERS))
            control.mkdir()
            fixed = {"hyperparameterTypeCode": "categorical", "hyperparameterSpecifiedValues": str(control)}
            return {"hyperparameterSpecList": [TUNED, {"hyperparameterName": "control"} | fixed]}
        if kind in ("pipeline-run", "pipeline-recurring-run"):
            control = self._nas("control") / str(next(NUMBERS))
            control.mkdir()
            return {"parameterList": [{"parameterName": "control", "parameterValue": str(control)}]}
        if kind == "model":
            (self._nas("models") / "any.joblib").touch()
            return {"modelUploadUri": "nas://models:/"}
        if kind.startswith("endpoint"):
            self._train()
        return {}

    def succeed(self, training: str) -> None:
        self._order(training, 0, "last words: all is well")

    def fail(self, training: str, exit_code: int) -> None:
        self._order(training, exit_code, "last words: all is lost")

    def interrupt(self, training: str) -> None:
        """As the platform's own end does, for this training only."""
        interrupts = {"pipeline-run": self._engine.platform.on_pipeline_interrupt}
        interrupts.get(self.record(training).kind, self._engine.platform.on_interrupt)(training)
        runner = ProcessRunner(self._home.processes)
        names = [name for name in runner.names() if training in name]
        for name in names:
            runner.stop(name)
        until(lambda: all(runner.observe(name).over for name in names), lambda: f"{names} are over")

    def make_stubborn(self, training: str) -> None:
        (self._control(training) / "stubborn").touch()

    def spoil(self, stage_resource: str) -> None:
        model = self.rows.family(stage_resource).ref("model")
        assert model is not None
        self.rows.change(model.id, spec=model.spec | {"modelUploadUri": "nas://models:/spoilt"})
        spoilt = self._nas("models") / "spoilt"
        spoilt.mkdir(exist_ok=True)
        (spoilt / ARTIFACT).write_bytes(b"no model at all")

    def kill_server(self, stage_resource: str) -> None:
        """The server of its first pod, which can be observed to be dead when this returns."""
        runner, name = ProcessRunner(self._home.processes), f"model-{stage_resource}-0"
        pid = runner.observe(name).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: runner.observe(name).over, lambda: f"{name} is over")

    def remains(self, record: Record) -> list[str]:
        root = self._home.root
        found = [f"process {process.pid}" for process in psutil.process_iter() if _mentions(process, record.id)]
        for path in root.rglob(f"*{record.id}*"):
            inner = path.relative_to(root).parts
            if inner[0] not in NOT_OF_A_RESOURCE and not any(record.id in part for part in inner[:-1]):
                found.append(f"file {path.relative_to(root)}")
        for name in ("gateway/defaults.json", "gateway/envoy/routes.json"):
            if (root / name).exists() and record.id in (root / name).read_text():
                found.append(f"mentioned in {name}")
        return sorted(found)

    def runs(self, training: str) -> int:
        begun = self._control(training) / "begun"
        return len(begun.read_text().splitlines()) if begun.exists() else 0

    @contextmanager
    def replica(self) -> Iterator[Drivers]:
        other = self._build()
        other.platform.start(lambda part: None)
        yield other.engine.drivers

    @contextmanager
    def unprepared(self) -> Iterator[Drivers]:
        yield self._build().engine.drivers

    def _build(self) -> LocalEngine:
        return build_local(self._settings, self._catalogue)

    def _nas(self, name: str) -> Path:
        path = self._home.nas_of(APPKEY) / name
        path.mkdir(exist_ok=True)
        return path

    def _train(self) -> None:
        """A scikit-learn model where ``bodies`` says that one is."""
        directory = self._nas("models") / "iris"
        if not directory.exists():
            directory.mkdir()
            python = Environments(self._settings.cache_dir).ensure(ENVIRONMENT)
            subprocess.run([python, "-c", TRAIN, directory / ARTIFACT], check=True)

    def _control(self, training: str) -> Path:
        spec = self.record(training).spec
        if "arguments" in spec:
            return Path(spec["arguments"]["control"])
        if "hyperparameterSpecList" in spec:
            return Path(spec["hyperparameterSpecList"][-1]["hyperparameterSpecifiedValues"])
        (given,) = spec["hyperparameterList"]
        return Path(given["parameterValue"])

    def _order(self, training: str, exit_code: int, words: str) -> None:
        control = self._control(training)
        partial = control / "order.partial"
        partial.write_text(json.dumps({"exit_code": exit_code, "words": words}))
        partial.rename(control / "order.json")


def _mentions(process: psutil.Process, resource_id: str) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return any(resource_id in text for text in (*process.cmdline(), *process.environ().values()))
    return False


@contextmanager
def local_world(catalogue: Catalogue) -> Iterator[LocalWorld]:
    # A short path: Envoy's admin socket lies below it.
    home = Path(tempfile.mkdtemp(prefix="em-conf-"))
    https, storage = free_ports(2)
    settings = Settings(home=home, gateway_port=https, object_storage_port=storage, appkey=APPKEY, nas_root=None)
    world = LocalWorld(settings, catalogue)
    try:
        yield world
    finally:
        world.close()
        shutil.rmtree(home, ignore_errors=True)
