"""One call as a service sees it, and the threads that do its work while the event loop goes on answering probes."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from katib_suggestions.rpc.errors import Busy, TooLate

T = TypeVar("T")

# Beyond, waiting takes longer than any caller waits.
MOST_WAITING = 64


@dataclass
class Call:
    """Its deadline, and what the log and the metrics shall say about it."""

    method: str
    deadline: float | None = None
    """In seconds of time.monotonic(); None when the caller waits for ever."""
    abandoned: bool = False
    """Whether nobody waits for the answer any more."""
    algorithm: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    def remaining(self, most: float) -> float:
        """Seconds that are left, ``most`` at most. Raises TooLate when there are none."""
        left = most if self.deadline is None else min(most, self.deadline - time.monotonic())
        if left <= 0:
            raise TooLate("the caller's deadline has passed")
        return left

    def check(self) -> None:
        """Raises TooLate when the caller has gone or its deadline has passed."""
        if self.abandoned:
            raise TooLate("the caller has gone")
        self.remaining(float("inf"))


class Workers:
    """A few threads: numpy lets the event loop run while it calculates, and Python does every few milliseconds."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="worker")
        self._threads = threads
        self._under_way = 0

    async def run(self, call: Call, work: Callable[[], T]) -> T:
        """The result of the work, which is not begun any more once the caller has gone or its deadline has passed.

        Work that takes long looks at `call.check` in between, since a thread cannot be ended from outside.
        """
        if self._under_way >= self._threads + MOST_WAITING:
            raise Busy(f"{self._under_way} calls are under way already")

        def begin() -> T:
            call.check()
            return work()

        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, begin)
        except asyncio.CancelledError:
            call.abandoned = True
            raise
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Without waiting for work that has begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
