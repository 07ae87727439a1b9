"""The local engine's own programs: object storage, gateway and what tunings ask; started, watched and ended."""

import threading
import time
from collections.abc import Callable, Collection

from adapters.easymaker.engines.base import Part
from adapters.easymaker.engines.local.access import Access
from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.gateway import Gateway
from adapters.easymaker.engines.local.home import CONTAINER, LocalHome
from adapters.easymaker.engines.local.object_storage.server import ObjectStorage
from adapters.easymaker.engines.local.object_storage.tokens import tenant_of
from adapters.easymaker.engines.local.pipeline_retention import Retention
from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.engines.local.tuning_services import CONTROLLER_PREFIX, PREFIX, TuningServices
from adapters.easymaker.errors import EngineError, TemporaryEngineError
from adapters.easymaker.settings import Settings

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
OWN = ("object-storage-", "gateway", PREFIX)
TRAINING = "training-"
PIPELINE_RUN = "pipeline-run-"


class LocalPlatform:
    """Several adapters over one home share these programs; whoever notices that one is down starts it."""

    def __init__(self, settings: Settings, home: LocalHome, runner: ProcessRunner, environments: Environments) -> None:
        self._settings = settings
        self._home = home
        self._runner = runner
        self._storage = ObjectStorage(home.root / "object-storage", runner, environments)
        self.tuning_services = TuningServices(home, runner)
        self._gateway: Gateway | None = None
        self._ready = threading.Event()
        self._trouble = ""
        self._accounts: set[str] = set()
        self.on_interrupt: Callable[[str], None] = lambda training_id: None
        self.on_pipeline_interrupt: Callable[[str], None] = lambda run_id: None
        self.on_late_change: Callable[[Collection[str]], None] = lambda ids: None
        self._retention = Retention(home.root / "pipelines", settings.pipeline_artifact_retention_days)

    def start(self, on_progress: Callable[[Part], None]) -> None:
        """Raises EngineError when a part cannot be started; what has been started stays and a retry goes on."""
        try:
            self._start(on_progress)
        except EngineError as error:
            self._trouble = str(error)
            raise
        self._trouble = ""

    def _start(self, on_progress: Callable[[Part], None]) -> None:
        settings = self._settings
        on_progress(Part("object storage", "STARTING"))
        self._storage.start()
        ports = (settings.object_storage_port, self._storage.proxy_port)
        gateway = Gateway(self._home.root / "gateway", self._runner, settings.gateway_port, ports)
        on_progress(Part("gateway", "STARTING"))
        gateway.start()
        # An Envoy that the last shutdown ended counts as started once and for all.
        gateway.restart_dead()
        self._await("the gateway", gateway.ready)
        self._await("the object storage", self._storage.ready)
        self._gateway = gateway
        self.ensure_account(settings.appkey)
        self._ready.set()
        for part in self.parts():
            on_progress(part)

    def ensure_account(self, appkey: str) -> None:
        """Every appkey finds a first container in its account."""
        if appkey not in self._accounts:
            self._storage.ensure_container(tenant_of(appkey), CONTAINER)
            self._accounts.add(appkey)

    def _await(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise TemporaryEngineError(f"{what} did not become ready within {READY_SECONDS:.0f} s")
            time.sleep(0.05)

    def gateway(self) -> Gateway:
        """Raises TemporaryEngineError before the platform has started."""
        if self._gateway is None or not self._ready.is_set():
            raise TemporaryEngineError("the gateway is still starting", retry_after=0.5)
        return self._gateway

    def access(self) -> Access:
        """Raises TemporaryEngineError before the platform has started."""
        host = f"127.0.0.1:{self._settings.object_storage_port}"
        return Access(self._home, self._storage.token_key_file, host, self.gateway().ca_file)

    def supervise(self) -> list[str]:
        if self._gateway is None:
            return []
        restarted = self._storage.restart_dead()
        if self._gateway.restart_dead():
            restarted.append("gateway")
        if expired := self._retention.run_if_due():
            self.on_late_change(expired)
        return restarted + self.tuning_services.supervise()

    def parts(self) -> list[Part]:
        settings = self._settings
        if self._gateway is None:
            state = "DOWN" if self._trouble else "STARTING"
            return [Part("object storage", state, "", self._trouble), Part("gateway", state, "", self._trouble)]
        storage = "RUNNING" if self._storage.ready() else "DOWN"
        gateway = "RUNNING" if self._gateway.ready() else "DOWN"
        tenant = tenant_of(settings.appkey)
        address = f"obs://127.0.0.1:{settings.object_storage_port}/v1/AUTH_{tenant}/{CONTAINER}"
        return [
            Part("object storage", storage, address, "OpenStack Swift behind TLS"),
            Part("gateway", gateway, f"https://127.0.0.1:{settings.gateway_port}", "Envoy"),
            *self.tuning_services.parts(),
        ]

    def stop(self) -> None:
        """End every process of this home. Trainings and pipeline runs are noted, to begin again or go on later."""
        # First those that start others; they go on with what is ended below as something that was interrupted.
        self._end([name for name in self._runner.names() if name.startswith(CONTROLLER_PREFIX)])
        names = self._runner.names()
        for name in names:
            if self._runner.observe(name).over:
                continue
            if name.startswith(TRAINING):
                self.on_interrupt(name.removeprefix(TRAINING).rpartition("-")[0])
            elif name.startswith(PIPELINE_RUN):
                self.on_pipeline_interrupt(name.removeprefix(PIPELINE_RUN))
        jobs = [name for name in names if not name.startswith(OWN)]
        self._end(jobs)
        # Also from a process that did not start it: what it has counted is kept.
        gateway = self._gateway or Gateway(self._home.root / "gateway", self._runner, self._settings.gateway_port)
        gateway.stop()
        self._end([name for name in names if name.startswith(OWN)])

    def _end(self, names: list[str]) -> None:
        for name in names:
            self._runner.stop(name)
        deadline = time.monotonic() + STOP_SECONDS
        while any(self._runner.observe(name).pid is not None for name in names) and time.monotonic() < deadline:
            time.sleep(0.05)
