"""Work that takes longer than a look may: building an environment, fetching a model. Idempotent, forgotten at exit."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

from adapters.easymaker.errors import EngineError


class Background:
    """At most one run per key at a time. A failure is kept until it is told, a success until it is forgotten.

    Of the ended runs only the newest ``keep`` are known, so that memory does not grow with the age of the process. The
    threads are daemons: whoever ends the adapter does not wait for an environment to be installed.
    """

    def __init__(self, workers: int = 6, keep: int = 1000) -> None:
        self._keep = keep
        self._runs: dict[str, Future[None]] = {}
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Future[None], Callable[[], object]]] = queue.SimpleQueue()
        for number in range(workers):
            threading.Thread(target=self._serve, name=f"background-{number}", daemon=True).start()

    def ensure(self, key: str, work: Callable[[], object]) -> None:
        """Begin the work unless it is under way; the result of an earlier, finished run is dropped."""
        with self._lock:
            run = self._runs.pop(key, None)
            if run is None or run.done():
                run = Future()
                self._queue.put((run, work))
            self._runs[key] = run
            self._forget_oldest()

    def working(self, key: str) -> bool:
        """Whether the work is under way.

        Raises:
            EngineError: it has failed; the failure is told once, then the key is free again.
        """
        with self._lock:
            run = self._runs.get(key)
            if run is None:
                return False
            if not run.done():
                return True
            error = run.exception()
            if error is not None:
                del self._runs[key]
        if isinstance(error, EngineError):
            raise error
        if error is not None:
            raise RuntimeError(f"background work {key} failed") from error
        return False

    def finished(self, key: str) -> bool:
        """Whether the work was done well since this process began."""
        with self._lock:
            run = self._runs.get(key)
            return run is not None and run.done() and run.exception() is None

    def forget(self, key: str) -> None:
        with self._lock:
            self._runs.pop(key, None)

    def _forget_oldest(self) -> None:
        if len(self._runs) <= self._keep:
            return
        oldest = next((key for key, run in self._runs.items() if run.done()), None)
        if oldest is not None:
            del self._runs[oldest]

    def _serve(self) -> None:
        while True:
            run, work = self._queue.get()
            try:
                work()
            except BaseException as error:
                run.set_exception(error)
            else:
                run.set_result(None)
