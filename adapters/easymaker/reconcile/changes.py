"""From what an engine sees happen to resources that are due: collected for a moment, written together."""

import threading
from collections.abc import Collection

import structlog

from adapters.easymaker.errors import Unavailable
from adapters.easymaker.store import leases
from adapters.easymaker.store.database import Database

log = structlog.get_logger("easymaker.reconcile")

GATHER_SECONDS = 0.05
AGAIN_SECONDS = 1.0
AT_ONCE = 500


class Changes:
    """``note`` never blocks, so that a watch can call it; a thread of its own writes. What it cannot write it keeps."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._ids: set[str] = set()
        self._resting: set[str] = set()
        self._noted = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="changes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._noted.set()
        self._thread.join(timeout=5)

    def note(self, ids: Collection[str]) -> None:
        with self._lock:
            self._ids.update(ids)
        self._noted.set()

    def note_resting(self, ids: Collection[str]) -> None:
        """Of resources at which nobody looks any more."""
        with self._lock:
            self._resting.update(ids)
        self._noted.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._noted.wait()
            self._stop.wait(GATHER_SECONDS)
            self._noted.clear()
            with self._lock:
                ids, self._ids = self._ids, set()
                resting, self._resting = self._resting, set()
            try:
                self._write(sorted(ids), resting=False)
                self._write(sorted(resting), resting=True)
            except Exception as error:
                if isinstance(error, Unavailable):
                    log.warning("database away", reason=str(error))
                else:
                    log.exception("noting changes failed")
                self._stop.wait(AGAIN_SECONDS)
                self.note(ids)
                self.note_resting(resting)

    def _write(self, ids: list[str], resting: bool) -> None:
        look = leases.look_at_resting if resting else leases.look_again
        for begin in range(0, len(ids), AT_ONCE):
            with self._database.transaction() as connection:
                look(connection, ids[begin : begin + AT_ONCE])
