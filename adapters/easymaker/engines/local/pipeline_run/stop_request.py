"""The wish that a run ends, from a signal handler to the thread that acts on it.

An event of threading's will not do: a second signal in the middle of its set() would wait for itself for ever.
"""

import os


class StopRequest:
    def __init__(self) -> None:
        self._counter = os.eventfd(0, os.EFD_CLOEXEC)

    def ask(self, *_: object) -> None:
        """Any number of times, and from a signal handler."""
        os.eventfd_write(self._counter, 1)

    def wait(self) -> None:
        os.eventfd_read(self._counter)
