"""Pipelines run by kfp.local in a process of their own: its configuration is global, and it prints as it likes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import PATIENCE, wait_for

PREAMBLE = """
import json, pathlib, sys
from kfp import dsl, local
from kfp_components.easymaker import *
"""
# What each artifact of a pipeline became is on disk; what a pipeline returns is printed as the last line.
EPILOGUE = """
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[1])
outputs = pipeline(**json.loads(sys.argv[2])).outputs
print("OUTPUTS " + json.dumps({name: getattr(value, "path", value) for name, value in outputs.items()}))
"""
_PASSED = ("PATH", "HOME", "LANG", "UV_CACHE_DIR", "UV_FIND_LINKS", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "SSL_CERT_FILE")


@dataclass
class LocalRun:
    """One pipeline, given as the source of a function ``pipeline``; artifacts lie below ``root``."""

    root: Path
    process: "subprocess.Popen[str]"
    log: str = ""

    def end(self) -> "LocalRun":
        self.log, _ = self.process.communicate(timeout=2 * PATIENCE)
        return self

    @property
    def succeeded(self) -> bool:
        return self.process.returncode == 0

    @property
    def outputs(self) -> dict[str, Any]:
        assert self.succeeded, self.log[-6000:]
        line = next(line for line in reversed(self.log.splitlines()) if line.startswith("OUTPUTS "))
        return json.loads(line.removeprefix("OUTPUTS "))

    def executed(self, task: str) -> dict[str, Any]:
        """What a task's executor wrote down: its parameters and its artifacts with their metadata."""
        (found,) = self.root.glob(f"*/**/{task}/executor_output.json")
        return json.loads(found.read_text())

    def metadata(self, task: str, artifact: str) -> dict[str, Any]:
        return self.executed(task)["artifacts"][artifact]["artifacts"][0]["metadata"]

    def wait_for(self, condition: Callable[[], Any], what: str) -> None:
        """Fails at once when the run is over before it."""

        def arrived() -> bool:
            if condition():
                return True
            assert self.process.poll() is None, f"before {what}: {self.end().log[-6000:]}"
            return False

        wait_for(arrived, PATIENCE, what)

    def terminate(self) -> None:
        """SIGTERM for the whole group, as whoever runs pipelines ends one."""
        os.killpg(self.process.pid, signal.SIGTERM)


@dataclass
class Workbench:
    """A directory with a NAS whose id is ``vol``."""

    root: Path
    extra: dict[str, str] = field(default_factory=dict)
    started: list[LocalRun] = field(default_factory=list)

    @property
    def nas(self) -> Path:
        return self.root / "nas" / "vol"

    def file(self, name: str, text: str) -> Path:
        path = self.nas / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def environment(self) -> dict[str, str]:
        """Without the EasyMaker settings of whoever runs the tests."""
        kept = {name: value for name, value in os.environ.items() if name in _PASSED or name.startswith("PIP_")}
        return kept | {"EASYMAKER_NAS_ROOT": str(self.root / "nas")} | self.extra

    def start(self, source: str, /, **arguments: Any) -> LocalRun:
        number = len(self.started)
        script, root = self.root / f"pipeline-{number}.py", self.root / f"run-{number}"
        script.write_text(PREAMBLE + source + EPILOGUE)
        process = subprocess.Popen(
            [sys.executable, str(script), str(root), json.dumps(arguments)],
            env=self.environment,
            cwd=self.root,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.started.append(LocalRun(root, process))
        return self.started[-1]

    def run(self, source: str, /, **arguments: Any) -> LocalRun:
        return self.start(source, **arguments).end()

    def close(self) -> None:
        for run in self.started:
            if run.process.poll() is None:
                os.killpg(run.process.pid, signal.SIGKILL)
                run.process.wait()
