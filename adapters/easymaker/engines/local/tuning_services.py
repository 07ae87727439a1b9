"""The suggestion and early-stopping services of local tunings: real servers on Unix sockets, there while in use."""

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from adapters.easymaker.engines.base import Part
from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.processes import Phase, ProcessRunner, ProcessSpec
from adapters.easymaker.engines.local.tuning.plan import Sockets

PREFIX = "katib-"
SUGGESTION = "suggestion"
EARLY_STOPPING = "early-stopping"
PROGRAMS = (SUGGESTION, EARLY_STOPPING)
CONTROLLER_PREFIX = "tuning-"
GRACE_SECONDS = 5.0
# The two hold some 100 MB: they go when no tuning has needed them for so long.
IDLE_SECONDS = 300.0


@dataclass
class TuningServices:
    """Anybody may make one over the same home: what runs is known by its process names."""

    home: LocalHome
    runner: ProcessRunner
    _needed_at: float = field(default_factory=time.monotonic, init=False)

    @property
    def directory(self) -> Path:
        """Of the sockets; nobody else may enter it."""
        return self.home.root / "katib"

    def sockets(self, tuning_id: str) -> Sockets:
        """Relative to ``directory``, in which all who use them run: a socket's path may not be long, a home's may."""
        return Sockets(
            suggestion=_socket(SUGGESTION),
            early_stopping=_socket(EARLY_STOPPING),
            observations=Path(f"{tuning_id.replace('-', '')}.sock"),
        )

    def start(self) -> list[str]:
        """Have both run; returns those that had to be started. They answer a moment later."""
        self._needed_at = time.monotonic()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return [program for program in PROGRAMS if self._ensure(program)]

    def supervise(self) -> list[str]:
        """Start again what a living tuning needs, end what none has needed for long. To be called every second."""
        if self._controllers_run():
            return self.start()
        if time.monotonic() > self._needed_at + IDLE_SECONDS:
            self.stop()
        return []

    def stop(self) -> None:
        """Ask both to end; returns at once."""
        for program in PROGRAMS:
            if self._alive(program):
                self.runner.stop(PREFIX + program)

    def parts(self) -> list[Part]:
        """Those that run."""
        return [
            Part(f"{program} service", "RUNNING", f"unix:{self.directory / _socket(program)}", "katib_suggestions")
            for program in PROGRAMS
            if self._alive(program)
        ]

    def _alive(self, program: str) -> bool:
        return self.runner.observe(PREFIX + program).phase in (Phase.STARTING, Phase.RUNNING)

    def _controllers_run(self) -> bool:
        names = [name for name in self.runner.names() if name.startswith(CONTROLLER_PREFIX)]
        return any(self.runner.observe(name).phase in (Phase.STARTING, Phase.RUNNING) for name in names)

    def _ensure(self, program: str) -> bool:
        name = PREFIX + program
        phase = self.runner.observe(name).phase
        if phase is Phase.MISSING:
            self.runner.start(name, self._spec(program))
        elif phase in (Phase.EXITED, Phase.LOST):
            self.runner.restart(name, self._spec(program))
        return phase in (Phase.MISSING, Phase.EXITED, Phase.LOST)

    def _spec(self, program: str) -> ProcessSpec:
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        return ProcessSpec(
            argv=(
                *(sys.executable, "-P", "-m", "katib_suggestions", program),
                *("--listen", f"unix:{_socket(program)}", "--log-level", "warning"),
            ),
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.directory), "LANG": "C.UTF-8"} | kept,
            cwd=self.directory,
            grace_seconds=GRACE_SECONDS,
        )


def _socket(program: str) -> Path:
    return Path(f"{program}.sock")
