"""What the gateway costs a prediction: Envoy with TLS against straight to MLServer, in turns in one run."""

import contextlib
import json
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import kserve_runtimes
from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.engines.local.gateway import Gateway, ResourceRoute, StageRoutes
from adapters.easymaker.engines.local.processes import ProcessRunner, ProcessSpec
from adapters.easymaker.settings import Settings
from kserve_runtimes.models.mlserver_command import ServerSpec, requirements, server_command

ROUNDS = 7
SECONDS_PER_ROUND = 3.0
SEQUENTIAL = 1500
CONNECTIONS = 4
TARGET_THROUGHPUT, TARGET_ADDED_MS = 0.9, 1.0
BODY = json.dumps({"instances": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]}).encode()
TRAIN = """
import joblib, sys
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
joblib.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), sys.argv[1])
"""


@dataclass(frozen=True)
class PredictResult:
    """Medians over the rounds; ``throughput_ratio`` is of gateway to direct, pair by pair."""

    direct_per_second: float
    gateway_per_second: float
    throughput_ratio: float
    direct_p50_ms: float
    gateway_p50_ms: float
    added_p50_ms: float

    @property
    def passed(self) -> bool:
        return self.throughput_ratio >= TARGET_THROUGHPUT and self.added_p50_ms <= TARGET_ADDED_MS

    def __str__(self) -> str:
        return (
            f"predict through the gateway: {self.gateway_per_second:.0f}/s against {self.direct_per_second:.0f}/s "
            f"straight to MLServer = {self.throughput_ratio:.2f} (aim ≥ {TARGET_THROUGHPUT}); "
            f"p50 {self.gateway_p50_ms:.2f} ms against {self.direct_p50_ms:.2f} ms "
            f"= {self.added_p50_ms:+.2f} ms (aim ≤ {TARGET_ADDED_MS:.0f})"
        )


class Client:
    """One keep-alive connection and as little work per request as can be: the client must not be what is measured."""

    def __init__(self, port: int, path: str, tls: ssl.SSLContext | None) -> None:
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname="127.0.0.1")
        head = (
            f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
        )
        self._request = head.encode() + BODY

    def ask(self) -> None:
        self._socket.sendall(self._request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode(errors="replace"))
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._received()

    def _received(self) -> bytes:
        chunk = self._socket.recv(65536)
        if not chunk:
            raise RuntimeError("the connection was closed")
        return chunk

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True)
class Way:
    """Straight to the model server, or through the gateway."""

    port: int
    path: str
    tls: ssl.SSLContext | None

    def client(self) -> Client:
        return Client(self.port, self.path, self.tls)


def throughput(way: Way) -> float:
    """Requests per second over all connections."""
    counts = [0] * CONNECTIONS
    clients = [way.client() for _ in range(CONNECTIONS)]
    end = time.monotonic() + SECONDS_PER_ROUND

    def work(at: int) -> None:
        while time.monotonic() < end:
            clients[at].ask()
            counts[at] += 1

    threads = [threading.Thread(target=work, args=(at,)) for at in range(CONNECTIONS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - started
    for client in clients:
        client.close()
    return sum(counts) / elapsed


def latencies(ways: tuple[Way, Way]) -> tuple[float, float]:
    """Medians in ms on one connection each, request by request in turns, so that both meet the same machine."""
    clients = [way.client() for way in ways]
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(SEQUENTIAL):
        for client, times in zip(clients, taken, strict=True):
            started = time.perf_counter()
            client.ask()
            times.append(time.perf_counter() - started)
    for client in clients:
        client.close()
    return statistics.median(taken[0]) * 1000, statistics.median(taken[1]) * 1000


def measure(direct: Way, gateway: Way) -> PredictResult:
    throughput(direct), throughput(gateway)
    pairs = [(throughput(direct), throughput(gateway)) for _ in range(ROUNDS)]
    direct_p50, gateway_p50 = latencies((direct, gateway))
    return PredictResult(
        direct_per_second=statistics.median(pair[0] for pair in pairs),
        gateway_per_second=statistics.median(pair[1] for pair in pairs),
        throughput_ratio=statistics.median(pair[1] / pair[0] for pair in pairs),
        direct_p50_ms=direct_p50,
        gateway_p50_ms=gateway_p50,
        added_p50_ms=gateway_p50 - direct_p50,
    )


@contextlib.contextmanager
def ways() -> Iterator[tuple[Way, Way]]:
    """A real MLServer with a real model, and the gateway in front of it."""
    package = Path(kserve_runtimes.__file__).parent
    python = Environments(Settings().cache_dir).ensure(EnvironmentSpec("mlserver", requirements(), (package,)))
    directory = Path(tempfile.mkdtemp(prefix="easymaker-benchmark-"))
    runner = ProcessRunner(directory / "processes")
    port, https = _free_port(), _free_port()
    gateway = Gateway(directory / "gateway", runner, https)
    try:
        subprocess.run([python, "-c", TRAIN, directory / "model.joblib"], check=True)
        command = server_command(ServerSpec(python, "iris", directory / "model.joblib", port))
        runner.start("model", ProcessSpec(command.argv, command.env, directory))
        gateway.start()
        _wait(gateway.ready)
        stage = StageRoutes("e", "s", "blue", True, (ResourceRoute("r", "iris", None, (port,)),))
        gateway.publish(stage)
        _wait(lambda: gateway.probe(stage, "iris"))
        tls = ssl.create_default_context(cafile=str(gateway.ca_file))
        yield Way(port, "/v1/models/iris:predict", None), Way(https, "/e/default/v1/models/iris/predict", tls)
    finally:
        _wait(lambda: runner.remove("model") and runner.remove("gateway"))
        shutil.rmtree(directory)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def run() -> dict[str, Any]:
    """Measure, print one line, and return the figures with ``passed``."""
    with ways() as (direct, gateway):
        result = measure(direct, gateway)
    print(result)
    return {**asdict(result), "passed": result.passed}


if __name__ == "__main__":
    raise SystemExit(0 if run()["passed"] else 1)
