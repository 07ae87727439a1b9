"""What is known about a process, as told to the engine."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Cause = Literal["exited", "signalled", "stopped", "memory", "disk", "timeout", "unstartable", "lost"]


class Phase(StrEnum):
    MISSING = "MISSING"
    """Nothing was started under this name: calling start() is safe and needed."""
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    LOST = "LOST"
    """It was started, and it is gone without a word: its wrapper was killed or the machine restarted."""


@dataclass(frozen=True)
class ProcessState:
    phase: Phase
    pid: int | None = None
    """The job's main process (bubblewrap's, in a sandbox), while RUNNING."""
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    """One sentence for the owner of the job, e.g. "memory limit of 2 GiB exceeded"."""
    started_at: float | None = None
    finished_at: float | None = None
    cause: Cause | None = None

    @property
    def over(self) -> bool:
        return self.phase in (Phase.EXITED, Phase.LOST)

    @property
    def succeeded(self) -> bool:
        return self.cause == "exited" and self.exit_code == 0
