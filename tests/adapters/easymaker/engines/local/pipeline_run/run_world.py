"""One run in a folder of its own, and its program as a real process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.pipeline_run.plan import Limits, RunPlan

Json = Any

ROOT = Path(__file__).parents[6]
PATIENCE = 120.0


def eventually(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)
    return value


@dataclass
class RunWorld:
    """``shared`` is the folder $SHARED of the components."""

    folder: Path
    compiled: Path
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.folder / "run"

    @property
    def root(self) -> Path:
        return self.folder / "artifacts"

    @property
    def shared(self) -> Path:
        return self.folder / "shared"

    def plan(self, name: str, arguments: dict[str, Json] | None = None, **more: Any) -> RunPlan:
        self.shared.mkdir(exist_ok=True)
        more.setdefault("limits", Limits(parallel_tasks=3, grace_seconds=1.0))
        plan = RunPlan(
            directory=self.directory,
            pipeline=self.compiled / f"{name}.yaml",
            pipeline_root=self.root,
            python=Path(sys.executable),
            arguments=arguments or {},
            environment={"EM_PIPELINE_RUN_ID": "run-1", "SHARED": str(self.shared)},
            **more,
        )
        interface.write_plan(plan)
        return plan

    def start(self, **environment: str) -> "subprocess.Popen[bytes]":
        spec = [sys.executable, "-P", "-m", "adapters.easymaker.engines.local.pipeline_run"]
        with (self.folder / "program.log").open("ab") as log:
            process = subprocess.Popen(
                [*spec, str(self.directory / interface.RUN)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def run(self, name: str, arguments: dict[str, Json] | None = None, **more: Any) -> "Ended":
        """The whole run, from its plan to its last state."""
        self.plan(name, arguments, **more)
        return self.finish(self.start())

    def finish(self, process: "subprocess.Popen[bytes]") -> "Ended":
        assert process.wait(PATIENCE) == 0, self.log()
        return self.state()

    def state(self) -> "Ended":
        state = interface.read_state(self.directory)
        assert state is not None, self.log()
        return Ended(state)

    def log(self) -> str:
        return (self.folder / "program.log").read_text()

    def said(self) -> list[str]:
        file = self.shared / "said"
        return file.read_text().splitlines() if file.exists() else []

    def pids(self) -> list[int]:
        """The tasks that have noted that they began."""
        file = self.shared / "began"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def left(self) -> list[int]:
        """Processes that belong to this run, however they have detached themselves."""
        variable = f"SHARED={self.shared}".encode()
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and variable in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Ended:
    """A state, easier to ask."""

    def __init__(self, state: dict[str, Json]) -> None:
        self.data = state
        self.nodes = {node["id"]: node for node in state["nodes"]}

    @property
    def state(self) -> str:
        return self.data["state"]

    @property
    def states(self) -> dict[str, str]:
        return {path: node["state"] for path, node in self.nodes.items()}

    def outputs(self, path: str) -> Json:
        return self.nodes[path]["outputs"]

    def __str__(self) -> str:
        return json.dumps(self.data, indent=1)
