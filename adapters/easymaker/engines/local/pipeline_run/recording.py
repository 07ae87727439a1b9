"""The writing end of a run's journal, for many threads.

What a task has given is written down before anybody acts on it, and so outlives this process; a step does not wait for
the disk too. When the machine itself dies, the last second's tasks may be run again.
"""

import json
import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from adapters.easymaker.crash_points import crash_point
from adapters.easymaker.engines.local.tuning.journal import Event, Journal

Json = Any

_LOG = logging.getLogger(__name__)


class RunJournal(Journal):
    def write(self, event: Event) -> None:
        """As ``append``, without waiting for the disk."""
        end = os.fstat(self._file).st_size
        crash_point("tuning.before_append")
        try:
            self._write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
        except OSError:
            os.ftruncate(self._file, end)
            raise
        crash_point("tuning.after_append")

    def sync(self) -> None:
        os.fsync(self._file)


class Recorder:
    def __init__(self, journal: RunJournal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._syncing: Future[None] | None = None

    def append(self, kind: str, **values: Json) -> None:
        """On the disk when this returns; OSError when it cannot be."""
        with self._lock:
            self._journal.append({"event": kind, **values})

    def note(self, kind: str, **values: Json) -> None:
        """Outlives this process when this returns, and is on the disk soon."""
        with self._lock:
            self._journal.write({"event": kind, **values})
            if self._syncing is None or self._syncing.done():
                self._syncing = self._disk.submit(self._sync)

    def _sync(self) -> None:
        try:
            self._journal.sync()
        except OSError as error:
            _LOG.warning("the journal may not be on the disk: %s", error)
