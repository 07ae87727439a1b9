"""SIGTERM, SIGINT and the time limit, turned into one request to end.

Nothing breaks in as an exception from a signal handler, which could hit any line: the main thread only ever waits, for
a child or for a thread that downloads, and a request wakes it. During uploads a request is only noted, for an upload
that is cut short would lose what the training has made.
"""

import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType

from kfp_components.easymaker.launcher.exit_codes import ExitCode


class Interrupted(Exception):
    """The run shall end; ``Interruption.reason`` says why."""


class Interruption:
    """One per process. ``reason`` is STOPPED or TIME_LIMIT once the run shall end; the first request counts."""

    def __init__(self) -> None:
        self.reason: ExitCode | None = None
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGALRM, self._on_time_limit)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes wait()

    def start_time_limit(self, seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def end_time_limit(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def check(self) -> None:
        """Raise Interrupted if the run shall end."""
        if self.reason is not None:
            raise Interrupted

    def call(self, work: Callable[[], None]) -> None:
        """Do the work in a thread; raise what it raises, or Interrupted as soon as the run shall end.

        The thread is then left behind: only the end of the process ends it.
        """
        errors: list[BaseException] = []
        done = threading.Event()

        def target() -> None:
            try:
                work()
            except BaseException as error:
                errors.append(error)
            done.set()
            os.write(self._wake_writer, b"\0")

        self.check()
        threading.Thread(target=target, daemon=True).start()
        while not done.is_set():
            self.wait(None)
            self.check()
        if errors:
            raise errors[0]

    def wait(self, timeout: float | None) -> None:
        """Return at the next signal (a child's end is one) or end of a thread, or after ``timeout`` seconds."""
        if select.select([self._wake_reader], [], [], timeout)[0]:
            os.read(self._wake_reader, 4096)

    def _on_stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._request(ExitCode.STOPPED)

    def _on_time_limit(self, _signum: int, _frame: FrameType | None) -> None:
        self._request(ExitCode.TIME_LIMIT)

    def _request(self, reason: ExitCode) -> None:
        self.reason = self.reason or reason
