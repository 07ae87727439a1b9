"""The real servers as processes of their own, on Unix sockets or ports, with what they log."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.conftest import PATIENCE, wait_for

ROOT = Path(__file__).resolve().parents[3]
SERVING = health_pb2.HealthCheckResponse.SERVING


@dataclass
class ServerProcess:
    """``with ServerProcess("suggestion", tmp_path) as server: … server.address``."""

    command: str
    home: Path
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"unix:{self.home / 'sockets' / self.command}"

    @property
    def _log(self) -> Path:
        return self.home / f"{self.command}.log"

    def start(self) -> Self:
        """Again after an end, too: on the same socket."""
        command = [sys.executable, "-m", "katib_suggestions", self.command, "--listen", self.address, *self.arguments]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stderr=log, stdout=log, env=os.environ | self.environment, start_new_session=True
            )
        wait_for(lambda: self.events("serving") or self._dead(), PATIENCE, f"{self.command} serves")
        assert self.process.poll() is None, self._log.read_text()
        return self

    def _dead(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """kill -9, without effect on one that has ended."""
        if not self._dead():
            self.send(signal.SIGKILL)
            self.wait()

    def logged(self) -> list[dict[str, Any]]:
        """Whole lines, each of which has to be JSON."""
        text = self._log.read_text("utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [each for each in self.logged() if each["event"] == name]

    def metrics(self) -> dict[str, float]:
        """Of a server that was started with ``--metrics-port 0``."""
        port = self.events("serving")[0]["metrics_port"]
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    def status(self, name: str) -> int:
        """A number of KiB of /proc/PID/status."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:")))


def probe(address: str, service: str, seconds: float = PATIENCE) -> int:
    """As Kubernetes asks: SERVING, NOT_SERVING, or the error's status."""
    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return health_pb2_grpc.HealthStub(channel).Check(request, timeout=seconds, wait_for_ready=True).status
