"""An installation of its own for a benchmark, started and ended by the command line that users have."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

CLI = (sys.executable, "-m", "adapters.easymaker.cli.main")


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return value


@dataclass
class Installation:
    home: Path
    port: int
    gateway_port: int
    object_storage_port: int

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EASYMAKER_", "EM_"))}
        return kept | {
            "EASYMAKER_HOME": str(self.home),
            "EASYMAKER_PORT": str(self.port),
            "EASYMAKER_GATEWAY_PORT": str(self.gateway_port),
            "EASYMAKER_OBJECT_STORAGE_PORT": str(self.object_storage_port),
        }

    def command(self, *arguments: str) -> Any:
        """What the command line answers."""
        done = subprocess.run([*CLI, *arguments, "-o", "json"], env=self.environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def up(self) -> Any:
        return self.command("up", "--detach")

    def down(self) -> None:
        self.command("down")

    def adapter_pid(self) -> int:
        (record,) = (part["detail"] for part in self.command("status")["parts"] if part["name"] == "API")
        return int(record.partition("pid ")[2].partition(";")[0])

    def token(self) -> str:
        return self.command("env")["EM_TOKEN"]

    def api(self, token: str) -> httpx.Client:
        url = f"http://127.0.0.1:{self.port}/v1.0/appkeys/local"
        return httpx.Client(base_url=url, headers={"X-EasyMaker-Token": token}, timeout=60)


@contextlib.contextmanager
def directory() -> Iterator[Installation]:
    """One that is not started yet; ended and deleted afterwards. The path is short for PostgreSQL's socket."""
    parent = Path(tempfile.mkdtemp(prefix="em-bench-"))
    made = Installation(parent / "home", *free_ports(3))
    try:
        yield made
    finally:
        made.down()
        shutil.rmtree(parent, ignore_errors=True)


@contextlib.contextmanager
def running() -> Iterator[Installation]:
    with directory() as made:
        made.up()
        yield made
