"""Putting the local engine together."""

import time
from dataclasses import dataclass

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.base import Driver, Engine
from adapters.easymaker.engines.local.background import Background
from adapters.easymaker.engines.local.endpoints import EndpointDriver, StageDriver
from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.experiments import ExperimentDriver
from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.model_servers import ModelServerDriver
from adapters.easymaker.engines.local.models import ModelDriver
from adapters.easymaker.engines.local.object_storage.tokens import Scope, mint, tenant_of
from adapters.easymaker.engines.local.pipeline_runs import PipelineRunDriver
from adapters.easymaker.engines.local.pipelines import PipelineDriver
from adapters.easymaker.engines.local.platform import LocalPlatform
from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.engines.local.schedules import ScheduleDriver
from adapters.easymaker.engines.local.tensorboard import TensorBoards
from adapters.easymaker.engines.local.tools import Tools
from adapters.easymaker.engines.local.trainings import TrainingDriver
from adapters.easymaker.engines.local.tunings import TuningDriver
from adapters.easymaker.engines.records import RecordDriver
from adapters.easymaker.settings import Settings


def local_home(settings: Settings) -> LocalHome:
    return LocalHome(settings.home_dir, settings.nas_dir, settings.secrets_dir)


@dataclass(frozen=True)
class LocalEngine:
    """The engine, and what only a local installation serves through the adapter."""

    engine: Engine
    boards: TensorBoards
    platform: LocalPlatform
    ticket_key: bytes

    def storage_token(self, appkey: str, principal: str, seconds: float, writable: bool) -> str:
        """A token for the appkey's account; raises TemporaryEngineError while the object storage is starting."""
        access = self.platform.access()
        self.platform.ensure_account(appkey)
        scope: Scope = "write" if writable else "read"
        return mint(access.token_key, tenant_of(appkey), principal, time.time() + seconds, scope)


def build_local(settings: Settings, catalogue: Catalogue) -> LocalEngine:
    """The engine that carries resources out as processes of this machine. Starts nothing yet."""
    home = local_home(settings)
    home.create()
    runner = ProcessRunner(home.processes)
    environments = Environments(settings.cache_dir)
    platform = LocalPlatform(settings, home, runner, environments)
    tools = Tools(home, runner, environments, Background(), platform.access)
    boards = TensorBoards(home, runner, environments, tools.background)
    trainings = TrainingDriver(tools, catalogue, settings)
    pipeline_runs = PipelineRunDriver(tools, catalogue, settings)
    platform.on_interrupt = trainings.interrupt
    platform.on_pipeline_interrupt = pipeline_runs.interrupt
    drivers: dict[str, Driver] = {
        "experiment": ExperimentDriver(home, boards),
        "training": trainings,
        "hyperparameter-tuning": TuningDriver(tools, catalogue, settings),
        "training-template": RecordDriver(),
        "model": ModelDriver(tools),
        "endpoint": EndpointDriver(platform.gateway),
        "endpoint-stage": StageDriver(platform.gateway),
        "endpoint-model": ModelServerDriver(tools, platform.gateway),
        "pipeline": PipelineDriver(tools),
        "pipeline-run": pipeline_runs,
        "pipeline-recurring-run": ScheduleDriver(),
    }
    return LocalEngine(Engine("local", drivers, platform), boards, platform, home.secret("ticket.key"))
