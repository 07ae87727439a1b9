"""A whole installation for tests that need one: the real adapter as a process, with a home and ports of its own."""

import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.store.embedded import EmbeddedPostgres
from tests.distribution import long_ones_first, pytest_xdist_make_scheduler
from tests.ports import free_ports

__all__ = ["pytest_xdist_make_scheduler"]

# Seconds after which something counts as hanging. No measure of speed: a slow machine at its busiest stays far below.
PATIENCE = 120.0

# How long an example takes says more about the machine than about what is tested.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

EXHAUSTIVE = "EASYMAKER_EXHAUSTIVE_TESTS"

SETTLED = {
    "ACTIVE",
    "COMPLETE",
    "STOPPED",
    "FAIL_TRAIN",
    "FAIL_HYPERPARAMETER_TUNING",
    "CREATE_FAILED",
    "UPDATE_FAILED",
    "DEPLOY_FAILED",
}
TOKENS = {
    "owner": {"local": "owner"},
    "reader": {"local": "reader"},
    "stranger": {"other": "owner"},
    "both": {"local": "owner", "other": "owner"},
    "lister": {"lists": "owner"},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; of long tables the default run has a part."""
    long_ones_first(items)
    if os.environ.get(EXHAUSTIVE) == "1":
        return
    left_out = pytest.mark.skip(reason=f"the rest of a long table: `make test-exhaustive`, or {EXHAUSTIVE}=1")
    for item in items:
        if item.get_closest_marker("exhaustive"):
            item.add_marker(left_out)


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Poll until the condition holds; fails with ``what`` at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


@dataclass
class Installation:
    """Settings are given as keyword arguments of ``start``: ``start(workers=8, crash_at="api.after_commit")``."""

    home: Path
    port: int
    gateway_port: int
    object_storage_port: int
    adapters: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def create(cls, home: Path) -> "Installation":
        secrets = home / "secrets"
        secrets.mkdir(parents=True, mode=0o700)
        entries = [
            {"name": name, "sha256": hashlib.sha256(cls.token(name).encode()).hexdigest(), "roles": roles}
            for name, roles in TOKENS.items()
        ]
        (secrets / "tokens.json").write_text(json.dumps(entries))
        return cls(home, *free_ports(3))

    @staticmethod
    def token(name: str) -> str:
        return f"test-token-of-{name}-0123456789"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "adapter.log"

    def environment(self, **settings: Any) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EASYMAKER_", "EM_"))}
        own = {
            "home": self.home,
            "port": self.port,
            "gateway_port": self.gateway_port,
            "object_storage_port": self.object_storage_port,
        }
        return kept | {f"EASYMAKER_{name.upper()}": str(value) for name, value in (own | settings).items()}

    def start(
        self, *, wait: bool = True, program: tuple[str, ...] = ("-m", "adapters.easymaker"), **settings: Any
    ) -> subprocess.Popen[bytes]:
        """Start an adapter; with ``wait`` until the database, the gateway and the object storage are there."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *program],
                env=self.environment(**settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.adapters.append(process)
        if wait:
            self.wait_ready(process, settings.get("port", self.port))
        return process

    def wait_ready(self, process: subprocess.Popen[bytes], port: int | None = None) -> None:
        url = f"http://127.0.0.1:{port or self.port}"

        def ready() -> bool:
            assert process.poll() is None, f"the adapter ended with {process.returncode}: {self.tail()}"
            try:
                parts = httpx.get(f"{url}/platform", headers=self.headers("owner"), timeout=30).json()["parts"]
            except (httpx.HTTPError, KeyError, ValueError):
                return False
            return all(part["state"] == "RUNNING" for part in parts)

        wait_for(ready, 2 * PATIENCE, "the installation is ready")

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """kill -9 of every adapter."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """An orderly end of every adapter; jobs and servers go on."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        for process in self.adapters:
            if process.poll() is None:
                process.send_signal(number)
        for process in self.adapters:
            process.wait(PATIENCE)
        self.adapters.clear()

    def runner(self) -> ProcessRunner:
        return ProcessRunner(self.home / "processes")

    def destroy(self) -> None:
        """End everything of this installation and delete its home."""
        self.kill()
        runner = self.runner()
        for name in runner.names():
            wait_for(lambda name=name: runner.remove(name), PATIENCE, f"{name} is gone")
        if (self.home / "postgres" / "PG_VERSION").exists():
            EmbeddedPostgres(self.home / "postgres").stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def headers(self, name: str = "owner") -> dict[str, str]:
        return {"X-EasyMaker-Token": self.token(name)}

    def api(self, appkey: str = "local", who: str = "owner") -> "Api":
        url = f"{self.url}/v1.0/appkeys/{appkey}"
        return Api(httpx.Client(base_url=url, headers=self.headers(who), timeout=PATIENCE))

    def web(self) -> httpx.Client:
        """A client outside: it trusts the local CA and has no token."""
        authority = self.home / "gateway" / "certificates" / "ca.pem"
        return httpx.Client(verify=ssl.create_default_context(cafile=str(authority)), timeout=PATIENCE)

    def nas(self, name: str, appkey: str = "local") -> Path:
        """The directory behind nas://NAME:/ of an appkey."""
        path = self.home / "nas" / appkey / name
        path.mkdir(parents=True, exist_ok=True)
        return path


@dataclass
class Api:
    """The REST API of one appkey, as one caller."""

    client: httpx.Client

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.request(method, path, **options)

    def ok(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The answer's body, which has to be a success."""
        answer = self.call(method, path, **options)
        body = answer.json()
        assert answer.status_code == 200, body
        assert body["header"]["isSuccessful"], body
        return body

    def refused(self, method: str, path: str, status: int, **options: Any) -> str:
        """The message of an answer that has to be this failure."""
        answer = self.call(method, path, **options)
        assert answer.status_code == status, f"{answer.status_code}: {answer.text[:1000]}"
        header = answer.json()["header"]
        assert header["isSuccessful"] is False
        return header["resultMessage"]

    def create(self, plural: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.ok("POST", f"/{plural}", json=body)[key]

    def get(self, plural: str, key: str, resource_id: str) -> dict[str, Any]:
        return self.ok("GET", f"/{plural}/{resource_id}")[key]

    def wait(
        self, plural: str, key: str, resource_id: str, statuses: set[str] | None = None, seconds: float = 2 * PATIENCE
    ) -> dict[str, Any]:
        """The resource, once its status is one of these (by default: any in which nothing is under way)."""
        wanted = statuses or SETTLED
        last: dict[str, Any] = {}

        def arrived() -> bool:
            nonlocal last
            last = self.get(plural, key, resource_id)
            return last[f"{key}StatusCode"] in wanted

        try:
            wait_for(arrived, seconds, "")
        except AssertionError:
            status, reason = last[f"{key}StatusCode"], last[f"{key}StatusReason"]
            raise AssertionError(f"{key} {resource_id} is {status} ({reason}), not one of {wanted}") from None
        return last

    def gone(self, plural: str, resource_id: str, seconds: float = PATIENCE) -> None:
        wait_for(
            lambda: self.call("GET", f"/{plural}/{resource_id}").status_code == 404,
            seconds,
            f"{plural}/{resource_id} is gone",
        )

    def flavor(self, name: str = "m2.c1m2") -> str:
        return next(f["id"] for f in self.ok("GET", "/flavors")["flavorList"] if f["name"] == name)

    def image(self, name: str = "Ubuntu 22.04 CPU Python Training") -> str:
        return next(i["imageId"] for i in self.ok("GET", "/images")["imageList"] if i["imageName"] == name)

    def experiment(self, name: str = "experiment") -> str:
        made = self.create("experiments", "experiment", {"experimentName": name})["experimentId"]
        self.wait("experiments", "experiment", made, {"ACTIVE"})
        return made

    def training_body(self, experiment_id: str, **changes: Any) -> dict[str, Any]:
        """A training whose source is nas://code:/, entry point main.py, and whose results go to nas://out:/."""
        return {
            "trainingName": "training",
            "experimentId": experiment_id,
            "imageId": self.image(),
            "flavorId": self.flavor(),
            "sourceDirUri": "nas://code:/",
            "entryPoint": "main.py",
            "modelUploadUri": "nas://out:/",
            "timeoutMinutes": 60,
        } | changes

    def tuning_body(self, experiment_id: str, **changes: Any) -> dict[str, Any]:
        """As a training's, run four times with other values of x; its program prints ``score=…``."""
        run = {name: value for name, value in self.training_body(experiment_id).items() if name != "trainingName"}
        return (
            run
            | {
                "hyperparameterTuningName": "tuning",
                "hyperparameterSpecList": [
                    {
                        "hyperparameterName": "x",
                        "hyperparameterTypeCode": "double",
                        "hyperparameterMinValue": "0",
                        "hyperparameterMaxValue": "1",
                    }
                ],
                "metricList": [{"name": "score"}],
                "objectiveMetric": {"name": "score"},
                "objectiveTypeCode": "MAXIMIZE",
                "tuningStrategyName": "RANDOM",
                "maxTrialCount": 4,
            }
            | changes
        )


@pytest.fixture(scope="session")
def make_installation() -> Iterator[Callable[[], Installation]]:
    """Fresh installations, not started; each is ended and deleted at the end of the session."""
    made: list[Installation] = []

    def make() -> Installation:
        # A short path: PostgreSQL's socket lies below it.
        made.append(Installation.create(Path(tempfile.mkdtemp(prefix="em-")) / "home"))
        return made[-1]

    yield make
    for installation in made:
        installation.destroy()
        shutil.rmtree(installation.home.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def installation(make_installation: Callable[[], Installation]) -> Installation:
    """One running installation that tests share; a test leaves it running."""
    shared = make_installation()
    shared.start()
    return shared


@pytest.fixture
def api(installation: Installation) -> Api:
    return installation.api()
