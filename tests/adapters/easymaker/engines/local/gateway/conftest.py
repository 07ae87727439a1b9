"""A real Envoy per test, small real HTTP servers behind it, and a client that trusts its CA and nothing else."""

import contextlib
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from adapters.easymaker.engines.local.gateway import Gateway, ResourceRoute, StageRoutes
from adapters.easymaker.engines.local.processes import Phase, ProcessRunner
from tests.conftest import PATIENCE
from tests.ports import free_ports


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The condition's first true value; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {seconds} s")


class _Echo(http.server.BaseHTTPRequestHandler):
    """Answers what arrived.

    x-status asks for a status, x-sleep for a pause, x-hold to be kept waiting until the test lets it go.
    """

    server: "Upstream"  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "Secret/1.2"

    def _answer(self) -> None:
        size = 0
        if self.headers.get("transfer-encoding") == "chunked":
            while chunk := int(self.rfile.readline(), 16):
                size += len(self.rfile.read(chunk + 2)) - 2
            self.rfile.readline()
        else:
            size = len(self.rfile.read(int(self.headers.get("content-length") or 0)))
        time.sleep(float(self.headers.get("x-sleep", 0)))
        if "x-hold" in self.headers:
            self.server.held.set()
            self.server.go.wait(PATIENCE)
        seen = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps(
            {"port": self.server.server_port, "path": self.path, "headers": seen, "size": size, "method": self.command}
        ).encode()
        self.send_response(int(self.headers.get("x-status", 200)))
        self.send_header("content-length", str(len(body)))
        self.send_header("x-envoy-upstream-service-time", "1")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Upstream(http.server.ThreadingHTTPServer):
    """A pod's stand-in on the wire: a real HTTP server that can die."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int = 0) -> None:
        self._open: set[Any] = set()
        self.held, self.go = threading.Event(), threading.Event()
        super().__init__(("127.0.0.1", port), _Echo)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that the test cut is no news."""

    def die(self) -> None:
        """Stop listening and cut every connection, as a killed process does."""
        self.shutdown()
        self.server_close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()


@dataclass
class Running:
    """A gateway with its runner and ports."""

    gateway: Gateway
    runner: ProcessRunner
    port: int
    storage_port: int
    storage: Upstream
    directory: Path

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    def session(self) -> requests.Session:
        """Only the local CA is trusted, whatever this machine's environment says."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.gateway.ca_file)
        return session

    def again(self) -> Gateway:
        """The gateway as a second adapter process would have it."""
        return Gateway(
            self.directory / "gateway", self.runner, self.port, (self.storage_port, self.storage.server_port)
        )


@pytest.fixture
def upstreams() -> Iterator[Callable[[], Upstream]]:
    started: list[Upstream] = []

    def start() -> Upstream:
        started.append(Upstream())
        return started[-1]

    yield start
    for upstream in started:
        with contextlib.suppress(OSError):
            upstream.die()


@pytest.fixture
def running(tmp_path: Path, upstreams: Callable[[], Upstream]) -> Iterator[Running]:
    runner = ProcessRunner(tmp_path / "processes")
    (https, storage_port), storage = free_ports(2), upstreams()
    gateway = Gateway(tmp_path / "gateway", runner, https, (storage_port, storage.server_port))
    gateway.start()
    try:
        wait_for(gateway.ready, "Envoy is ready")
        yield Running(gateway, runner, https, storage_port, storage, tmp_path)
    finally:
        wait_for(lambda: runner.remove("gateway"), "Envoy is gone")
        assert runner.observe("gateway").phase is Phase.MISSING


def resource(resource_id: str, *upstreams: Upstream, model: str = "iris", path: str | None = None) -> ResourceRoute:
    return ResourceRoute(resource_id, model, path, tuple(upstream.server_port for upstream in upstreams))


def stage(*resources: ResourceRoute, name: str = "blue", default: bool = False, endpoint: str = "e1") -> StageRoutes:
    return StageRoutes(endpoint, f"{endpoint}-{name}", name, default, resources)


@pytest.fixture
def make() -> Any:
    """The makers of routes, for tests (test modules cannot import each other)."""

    class Make:
        resource = staticmethod(resource)
        stage = staticmethod(stage)
        wait_for = staticmethod(wait_for)
        upstream = Upstream

    return Make
