"""Stage resources on one machine: one model server process per pod, restarted when it dies."""

import http.client
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local import api_statistics, processes
from adapters.easymaker.engines.local.access import engine_error
from adapters.easymaker.engines.local.directory_lock import alone_in
from adapters.easymaker.engines.local.environments import EnvironmentSpec
from adapters.easymaker.engines.local.json_files import read_json, write_json
from adapters.easymaker.engines.local.logs import read_log_file
from adapters.easymaker.engines.local.ports import free_port, is_free
from adapters.easymaker.engines.local.processes import Limits, ProcessSpec, ProcessState
from adapters.easymaker.engines.local.secret_files import SecretFiles
from adapters.easymaker.engines.local.server_deaths import MOST_RESTARTS, ServerDeaths
from adapters.easymaker.engines.local.tools import GatewayProvider, Tools
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds import endpoint_model
from adapters.easymaker.kinds.record import Family, Goal, Record
from kserve_runtimes import models as runtime_models
from kserve_runtimes.models import mlserver_command
from kserve_runtimes.storage import InvalidStorageUri, StorageError, download

Server = tuple[int, float]
"""The port, and when the process behind it was started."""

MIB = 1024**2
WATCH_SECONDS = 1.0
START_SECONDS = 0.3
READY_TIMEOUT = 2.0
LOG_TAIL = 4096
ENVIRONMENT = EnvironmentSpec(
    name="mlserver-sklearn",
    requirements=mlserver_command.requirements(),
    overlays=(Path(runtime_models.__file__).parents[1],),
)


class ModelServerDriver:
    def __init__(self, tools: Tools, gateway: GatewayProvider) -> None:
        self._home = tools.home
        self._runner = tools.runner
        self._environments = tools.environments
        self._background = tools.background
        self._access = tools.access
        self._gateway = gateway
        self._secrets = SecretFiles(tools.home)

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is Goal.ABSENT:
            return Observation(Phase.STOPPED if self._directory(record).exists() else Phase.MISSING)
        if self._background.working(_key(record)):
            return Observation(Phase.PENDING, "the model and its server are being fetched", recheck=START_SECONDS)
        ports: list[int] | None = read_json(self._directory(record) / "ports.json", None)
        if ports is None:
            return Observation(Phase.MISSING)
        states = [self._runner.observe(_name(record, pod)) for pod in range(len(ports))]
        if hopeless := self._given_up(record, states):
            return Observation(Phase.FAILED, hopeless, _detail([]), recheck=5.0)
        too_few = len(ports) < int(record.spec["podCount"])
        if too_few or any(state.phase is processes.Phase.MISSING for state in states):
            return Observation(Phase.MISSING)
        ready = _ready_servers(ports, states)
        detail = _detail(ready)
        dead = [state.reason for state in states if state.over]
        if dead:
            return Observation(Phase.PENDING, f"a model server died ({dead[0]}) and is started again", detail, 0.2)
        if len(ready) < len(ports):
            reason = f"{len(ready)} of {len(ports)} model servers are ready"
            return Observation(Phase.PENDING, reason, detail, START_SECONDS)
        if not self._served(family, ready):
            reason = "its model servers are ready and do not answer through the gateway yet"
            return Observation(Phase.PENDING, reason, detail, START_SECONDS)
        return Observation(Phase.RUNNING, "", detail, WATCH_SECONDS)

    def start(self, family: Family) -> None:
        record = family.record
        if record.spec["modelFormatCode"] != "SKLEARN":
            raise PermanentEngineError(
                f"this installation cannot serve {record.spec['modelFormatCode']} models yet; it serves SKLEARN"
            )
        python = self._environments.python(ENVIRONMENT)
        if python is None or not self._artifact(record).is_dir():
            self._directory(record).mkdir(parents=True, exist_ok=True)
            self._background.ensure(_key(record), lambda: self._fetch(family))
            return
        ports = self._ports(record)
        for pod, port in enumerate(ports):
            self._run(record, pod, self._process(family, python, port))

    def stop(self, family: Family) -> None:
        """A server is removed, not stopped."""

    def remove(self, family: Family) -> bool:
        record = family.record
        mine = [name for name in self._runner.names() if name.startswith(_name(record, ""))]
        gone = [self._runner.remove(name) for name in mine]
        if not all(gone):
            return False
        self._background.forget(_key(record))
        with alone_in(self._directory(record), wait=False) as alone:
            if alone:
                shutil.rmtree(self._directory(record), ignore_errors=True)
        return not self._directory(record).exists()

    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        """The first pod's log, which grows as long as the resource is there."""
        content, _ = read_log_file(self._runner.log_path(_name(family.record, 0)), offset, limit)
        return content, True

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        return api_statistics.shown(self._gateway().statistics([family.record.id])[family.record.id])

    def _ports(self, record: Record) -> list[int]:
        """One per pod, kept over restarts; another program may have taken one while its pod was down."""
        path = self._directory(record) / "ports.json"
        known: list[int] = read_json(path, [])
        ports = [
            known[pod] if pod < len(known) and (self._alive(record, pod) or is_free(known[pod])) else free_port()
            for pod in range(int(record.spec["podCount"]))
        ]
        if ports != known:
            write_json(path, ports)
        return ports

    def _served(self, family: Family, ready: Sequence[Server]) -> bool:
        """Whether requests get to exactly these servers.

        Their stage has to have published them, as the servers that they are: a look at the stage that began when one of
        them was dead may still take it off its port. Once up, the stage watches whether the gateway answers.
        """
        record, stage, gateway = family.record, family.ref("stage"), self._gateway()
        published = gateway.published(stage.id) if stage else None
        if published is None:
            return False
        routed = [route for route in published.resources if route.resource_id == record.id]
        if [list(zip(route.ports, route.started, strict=False)) for route in routed] != [list(ready)]:
            return False
        return record.status == endpoint_model.LIFECYCLE.up or gateway.probe(published, record.spec["modelName"])

    def _alive(self, record: Record, pod: int) -> bool:
        phase = self._runner.observe(_name(record, pod)).phase
        return phase in (processes.Phase.STARTING, processes.Phase.RUNNING)

    def _directory(self, record: Record) -> Path:
        return self._home.models / record.id

    def _artifact(self, record: Record) -> Path:
        return self._directory(record) / "artifact"

    def _fetch(self, family: Family) -> None:
        """The artifact appears under its name only when all of it is there, unless its resource is deleted first."""
        record, model = family.record, family.ref("model")
        self._environments.ensure(ENVIRONMENT)
        with alone_in(self._directory(record), wait=True) as alone:
            if not alone or self._artifact(record).is_dir():
                return
            partial = self._directory(record) / "partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                download(model.spec["modelUploadUri"] if model else "", partial, self._access().options(record.appkey))
            except (StorageError, InvalidStorageUri) as error:
                raise engine_error(error) from error
            partial.rename(self._artifact(record))

    def _run(self, record: Record, pod: int, spec: ProcessSpec) -> None:
        name = _name(record, pod)
        state = self._runner.observe(name)
        if state.phase is processes.Phase.MISSING:
            self._runner.start(name, spec)
        elif state.finished_at is not None:
            self._deaths(record).note(state)
            self._runner.restart(name, spec)

    def _process(self, family: Family, python: Path, port: int) -> ProcessSpec:
        record, model = family.record, family.ref("model")
        given = model.spec.get("parameterList", []) if model else []
        command = mlserver_command.server_command(
            mlserver_command.ServerSpec(
                python=python,
                model_name=record.spec["modelName"],
                model_path=self._artifact(record),
                http_port=port,
                parameters={p["parameterName"]: p["parameterValue"] for p in given if not p.get("isSecret")},
            )
        )
        # Only as variables: everybody on the machine can read a process's arguments.
        secrets = self._secrets.get(model.appkey, model.id) if model else {}
        variables = {mlserver_command.screaming_snake(name): value for name, value in secrets.items()}
        share = record.spec["share"]
        return ProcessSpec(
            argv=command.argv,
            env=variables | command.env,
            cwd=self._artifact(record),
            limits=Limits(cpus=math.ceil(share["cpuMilli"] / 1000), memory_bytes=share["memoryMib"] * MIB),
            sandbox=self._access().sandbox((self._artifact(record),), ()),
        )

    def _deaths(self, record: Record) -> ServerDeaths:
        return ServerDeaths(self._directory(record))

    def _given_up(self, record: Record, states: Sequence[ProcessState]) -> str | None:
        """Why starting it again would not help: the artifact cannot be loaded, or it has died too often."""
        for pod, state in enumerate(states):
            if not state.over:
                continue
            if state.exit_code == mlserver_command.EXIT_MODEL_NOT_LOADED:
                return self._last_line(record, pod)
            if self._deaths(record).too_many(state):
                return f"the model server died {MOST_RESTARTS} times in a row, last: {state.reason}"
        return None

    def _last_line(self, record: Record, pod: int) -> str:
        path = self._runner.log_path(_name(record, pod))
        size = path.stat().st_size if path.exists() else 0
        content, _ = read_log_file(path, max(0, size - LOG_TAIL), LOG_TAIL)
        lines = content.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "the model could not be loaded"


def _name(record: Record, pod: int | str) -> str:
    return f"model-{record.id}-{pod}"


def _key(record: Record) -> str:
    return f"model-server:{record.id}"


def _ready_servers(ports: Sequence[int], states: Sequence[ProcessState]) -> list[Server]:
    pairs = zip(ports, states, strict=True)
    return [(port, state.started_at) for port, state in pairs if not state.over and state.started_at and _ready(port)]


def _detail(ready: Sequence[Server]) -> dict[str, Any]:
    ports, started = [port for port, _ in ready], [at for _, at in ready]
    return {"readyPods": len(ready), "ports": ports, "started": started}


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_TIMEOUT)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
