"""Work that takes longer than a look may: building an environment, fetching a model. Idempotent, forgotten at exit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from adapters.easymaker.errors import EngineError


class Background:
    """At most one run per key at a time. A failure is kept until it is told, a success until it is forgotten."""

    def __init__(self, workers: int = 2) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="background")
        self._runs: dict[str, Future[None]] = {}
        self._lock = threading.Lock()

    def ensure(self, key: str, work: Callable[[], object]) -> None:
        """Begin the work unless it is under way; the result of an earlier, finished run is dropped."""
        with self._lock:
            run = self._runs.get(key)
            if run is None or run.done():
                self._runs[key] = self._pool.submit(_without_result, work)

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

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _without_result(work: Callable[[], object]) -> None:
    work()
