"""How often a program may die before it is given up: one that never gets further would go on for ever."""

import time
from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.engines.local.json_files import read_json, write_json

FILE = "restarts.json"
WINDOW = 600.0


@dataclass(frozen=True)
class Restarts:
    """Deaths count for as long as ``progress``, any number that changes when the program gets further, is the same."""

    directory: Path
    progress: int
    most: int

    def note(self) -> None:
        """Called before the restart after a death."""
        write_json(self.directory / FILE, {"progress": self.progress, "at": [*self._recent(), time.time()]})

    @property
    def used_up(self) -> bool:
        return len(self._recent()) >= self.most

    def _recent(self) -> list[float]:
        noted = read_json(self.directory / FILE, {})
        if noted.get("progress") != self.progress:
            return []
        return [at for at in noted["at"] if at > time.time() - WINDOW]
