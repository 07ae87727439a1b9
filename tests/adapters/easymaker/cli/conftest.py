"""Real installations on free ports, each with a home of its own, driven through the program that users run."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.easymaker.cli.in_process import run_here
from tests.conftest import PATIENCE
from tests.ports import free_ports

PROGRAM = Path(sys.executable).with_name("kubeflow-easymaker")
# Only against hanging.
START_SECONDS = 240
END_SECONDS = PATIENCE


def wait_for(condition: Callable[[], Any], what: str, seconds: float = START_SECONDS) -> Any:
    """The condition's first true value; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class Cli:
    """The command line with one home and three ports of its own."""

    home: Path
    ports: list[int] = field(default_factory=lambda: free_ports(3))
    more: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("EASYMAKER_", "EM_"))}
        own = {
            "EASYMAKER_HOME": str(self.home),
            "EASYMAKER_PORT": str(self.ports[0]),
            "EASYMAKER_GATEWAY_PORT": str(self.ports[1]),
            "EASYMAKER_OBJECT_STORAGE_PORT": str(self.ports[2]),
        }
        return inherited | own | self.more

    def run(self, *arguments: str, timeout: float = START_SECONDS) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROGRAM), *arguments], env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )

    def json(self, *arguments: str) -> Any:
        """What a command that must succeed prints with -o json; nothing else may be on stdout."""
        done = self.run(*arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(PROGRAM), *arguments],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Where the tests run in the background of a script, SIGINT is ignored; a terminal's programs heed it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )

    @staticmethod
    def end(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[str, str]:
        """Signal it as a terminal would; its output when it has ended."""
        if process.poll() is None:
            process.send_signal(number)
        return process.communicate(timeout=END_SECONDS)

    @staticmethod
    def wait_for(condition: Callable[[], Any], what: str, seconds: float = START_SECONDS) -> Any:
        return wait_for(condition, what, seconds)

    def state(self, part: str) -> str:
        """As `status` tells it; asked here, as it is asked again and again until it is something."""
        parts = json.loads(run_here(self.env, "status", "-o", "json").stdout)["parts"]
        return next(entry["state"] for entry in parts if entry["name"] == part)

    def recorded_pid(self, name: str) -> int:
        return int(json.loads((self.home / "run" / f"{name}.json").read_text())["pid"])

    def processes(self) -> dict[int, str]:
        """Every process that carries this home in its command line or its environment."""
        found: dict[int, str] = {}
        marks = (str(self.home).encode() + b"/", b"EASYMAKER_HOME=" + str(self.home).encode() + b"\0")
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if marks[0] in command or marks[1] in environment:
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def assert_nothing_runs(self) -> None:
        wait_for(lambda: not self.processes(), f"the end of {self.processes()}", END_SECONDS)


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """A home in which nothing was started yet."""
    fresh = Cli(tmp_path / "home")
    yield fresh
    if fresh.processes():
        fresh.run("down")
    fresh.assert_nothing_runs()


@pytest.fixture(scope="session")
def running_cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """One that runs. Its path holds what a shell, pg_ctl and configuration files would trip over."""
    running = Cli(tmp_path_factory.mktemp("installation") / "it's a $(HOME) of 100%")
    started = running.run("up", "--detach")
    assert started.returncode == 0, started.stderr
    yield running
    ended = running.run("down")
    assert ended.returncode == 0, ended.stderr
    running.assert_nothing_runs()
    for link in Path(tempfile.gettempdir()).glob("easymaker-postgres-*"):
        if link.is_symlink() and link.readlink().is_relative_to(running.home):
            link.unlink()
