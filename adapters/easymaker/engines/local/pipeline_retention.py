"""Removes the artifacts of pipeline runs that ended long ago; logs, states and the runs themselves stay."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from adapters.easymaker.engines.local.pipeline_plans import RunFiles
from adapters.easymaker.engines.local.processes.removal import delete_tree

DAY = 24 * 3600.0
PAUSE_SECONDS = 3600.0
# Whoever supervises has other things to do; the rest is for the next time, which then comes sooner.
ROUND_SECONDS = 5.0
REST_SECONDS = 10.0
# So long it is told again that artifacts have gone: who was told first may have been killed.
TELL_SECONDS = DAY


@dataclass
class Retention:
    """``pipelines`` has a directory per run. A run that has not ended for good is left alone, however old it is."""

    pipelines: Path
    days: float
    clock: Callable[[], float] = time.time
    _due_at: float = field(default=0.0, init=False)

    def run_if_due(self) -> list[str]:
        """The ids of the runs whose artifacts have been removed lately; nothing most of the time, for it rests."""
        if self.clock() < self._due_at:
            return []
        deadline = time.monotonic() + ROUND_SECONDS
        done = all(self._remove(files, deadline) for files in self._old())
        self._due_at = self.clock() + (PAUSE_SECONDS if done else REST_SECONDS)
        return [files.directory.name for files in self._runs() if self._lately(files)]

    def _runs(self) -> Iterator[RunFiles]:
        if self.pipelines.is_dir():
            yield from (RunFiles(each) for each in sorted(self.pipelines.iterdir()))

    def _old(self) -> Iterator[RunFiles]:
        for files in self._runs():
            ended = _modified(files.ended)
            if ended is not None and self.clock() - ended >= self.days * DAY and files.artifacts.exists():
                yield files

    def _remove(self, files: RunFiles, deadline: float) -> bool:
        """Said first: half of an artifact is never handed out."""
        files.expired.touch()
        os.utime(files.expired, (self.clock(), self.clock()))
        return delete_tree(files.artifacts, deadline)

    def _lately(self, files: RunFiles) -> bool:
        expired = _modified(files.expired)
        return expired is not None and self.clock() - expired < TELL_SECONDS


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
