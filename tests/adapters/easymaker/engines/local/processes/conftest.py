"""Real processes for every test, and the proof after each that none of them is left."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.processes import Limits, ProcessRunner, ProcessSpec, ProcessState
from adapters.easymaker.engines.local.processes.wrapper import process_tree

DEADLINE = 120.0
# Time limits of a job, in seconds: the first suits most machines, and at the last every machine has begun the job.
LIMITS = (0.5, 3.0, 20.0, 100.0)


def wait_for(condition: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
    """Poll until the condition holds; fail with what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether the process still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Jobs:
    """Short ways to say in a test what runs and what is expected of it."""

    def __init__(self, runner: ProcessRunner, directory: Path) -> None:
        self.runner = runner
        self.directory = directory

    wait_for = staticmethod(wait_for)
    alive = staticmethod(alive)

    def python(self, code: str, *arguments: object, limits: Limits = Limits(), **options: object) -> ProcessSpec:
        argv = (sys.executable, "-I", "-c", code, *(str(argument) for argument in arguments))
        return ProcessSpec(argv, {"PATH": os.environ["PATH"]}, self.directory, limits, **options)  # type: ignore[arg-type]

    def shell(self, script: str, limits: Limits = Limits(), grace_seconds: float = 10.0) -> ProcessSpec:
        return ProcessSpec(
            ("/bin/sh", "-c", script), {"PATH": os.environ["PATH"]}, self.directory, limits, grace_seconds
        )

    def end_of(self, name: str, seconds: float = DEADLINE) -> ProcessState:
        wait_for(lambda: self.runner.observe(name).over, f"the end of {name}", seconds)
        return self.runner.observe(name)

    def run(self, spec: ProcessSpec, name: str = "job") -> ProcessState:
        self.runner.start(name, spec)
        return self.end_of(name)

    def run_over_its_time(self, script: str, grace_seconds: float = 10.0) -> tuple[str, float]:
        """Run a job that goes on for ever; the name of the run that was "ready" before its time limit, and that."""
        for seconds in LIMITS:
            name = f"job-{seconds:g}"
            self.run(self.shell(script, Limits(wall_seconds=seconds), grace_seconds), name)
            if b"ready" in self.log(name):
                return name, seconds
        pytest.fail(f"the job was not even begun within {LIMITS[-1]} s")

    def log(self, name: str = "job") -> bytes:
        path = self.runner.log_path(name)
        return path.read_bytes() if path.exists() else b""

    def started_up(self, name: str = "job", word: bytes = b"ready") -> None:
        """Wait until the job itself says that it is so far."""
        wait_for(lambda: word in self.log(name), f"{word!r} in the log of {name}")

    def wrapper_pid(self, name: str = "job") -> int:
        return json.loads((self.runner.directory(name) / "started").read_text())["pid"]

    def gone(self, name: str = "job") -> None:
        wait_for(lambda: self.runner.remove(name), f"the removal of {name}")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    directory = tmp_path / "work"
    directory.mkdir()
    return directory


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[ProcessRunner]:
    runner = ProcessRunner(tmp_path / "processes")
    yield runner
    leftovers = []
    for name in runner.names():
        wait_for(lambda name=name: runner.remove(name), f"the removal of {name}")
    # Whatever a job of this test started carries the test's own path in its environment or its arguments.
    for pid in process_tree.all_pids():
        arguments = process_tree._read(f"/proc/{pid}/cmdline")
        if str(tmp_path).encode() in arguments and pid != os.getpid():
            leftovers.append((pid, arguments))
    assert leftovers == []


@pytest.fixture
def jobs(runner: ProcessRunner, work: Path) -> Jobs:
    return Jobs(runner, work)


@pytest.fixture
def adapter(runner: ProcessRunner, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts an adapter of its own: a real process that uses a runner on the same directory, with ``code``."""
    prologue = (
        "import sys, os\nfrom pathlib import Path\n"
        "from adapters.easymaker.engines.local.processes import ProcessRunner, ProcessSpec\n"
        f"runner = ProcessRunner(Path({str(tmp_path / 'processes')!r}))\n"
        f"def spec(script): return ProcessSpec(('/bin/sh', '-c', script), {{'PATH': os.environ['PATH']}}, "
        f"Path({str(tmp_path / 'work')!r}))\n"
    )

    def start(code: str, crash_at: str | None = None) -> subprocess.Popen[bytes]:
        environment = os.environ | ({"EASYMAKER_CRASH_AT": crash_at} if crash_at else {})
        return subprocess.Popen([sys.executable, "-c", prologue + code], env=environment)

    return start
