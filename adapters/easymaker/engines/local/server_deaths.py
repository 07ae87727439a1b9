"""How often the servers of a stage resource have died lately: whether starting them again still makes sense."""

import time
from pathlib import Path

from adapters.easymaker.engines.local.json_files import read_json, write_json
from adapters.easymaker.engines.local.processes import ProcessState

MOST_RESTARTS = 5
RESTART_WINDOW = 600.0


class ServerDeaths:
    """Of all pods of one stage resource, in a file of its directory. A death is known by its time."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "restarts.json"

    def note(self, state: ProcessState) -> None:
        """Called before the restart, which may need several attempts: they are all about this one death."""
        if _died(state) and state.finished_at is not None:
            write_json(self._path, sorted({*self._known(), state.finished_at}))

    def too_many(self, state: ProcessState) -> bool:
        """Whether this one came after as many restarts as there may be."""
        known = self._known()
        return _died(state) and len(known) >= MOST_RESTARTS and state.finished_at not in known

    def _known(self) -> list[float]:
        since = time.time() - RESTART_WINDOW
        return [at for at in read_json(self._path, []) if at > since]


def _died(state: ProcessState) -> bool:
    """Not when it was stopped, as the platform's end does."""
    return state.over and state.cause != "stopped"
