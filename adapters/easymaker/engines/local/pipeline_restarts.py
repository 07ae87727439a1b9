"""How often a run's program may die before the run is given up: one that never gets further would go on for ever."""

import time
from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.engines.local.json_files import read_json, write_json
from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.processes import ProcessState

FILE = "restarts.json"
MOST = 5
WINDOW = 600.0


@dataclass(frozen=True)
class Restarts:
    """Deaths count for as long as the run's journal does not grow; ends for other reasons do not count."""

    directory: Path

    def note(self, process: ProcessState) -> None:
        if _counts(process):
            write_json(self.directory / FILE, {"journal": self._written(), "at": [*self._recent(), time.time()]})

    def used_up(self, process: ProcessState) -> bool:
        return _counts(process) and len(self._recent()) >= MOST

    def _recent(self) -> list[float]:
        noted = read_json(self.directory / FILE, {})
        if noted.get("journal") != self._written():
            return []
        return [at for at in noted["at"] if at > time.time() - WINDOW]

    def _written(self) -> int:
        journal = self.directory / interface.JOURNAL
        return journal.stat().st_size if journal.exists() else 0


def _counts(process: ProcessState) -> bool:
    return process.cause not in ("stopped", "lost") and process.exit_code not in (interface.IN_USE, interface.GOES_ON)
