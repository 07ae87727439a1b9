"""LISTEN on the due channel: a write wakes the loop at once, on every replica."""

import threading
from collections.abc import Callable

import psycopg

from adapters.easymaker.store.database import Database
from adapters.easymaker.store.resources import CHANNEL

CHECK_SECONDS = 1.0
RETRY_SECONDS = 0.5


def listen(database: Database, on_wake: Callable[[], None], stop: threading.Event) -> None:
    """Call ``on_wake`` for every notification until ``stop`` is set. A lost connection is made again.

    After each (re)connection ``on_wake`` is called once, since notifications may have been missed.
    """
    parameters = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    while not stop.is_set():
        try:
            with psycopg.connect(parameters, autocommit=True, connect_timeout=5) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                on_wake()
                while not stop.is_set():
                    for _ in connection.notifies(timeout=CHECK_SECONDS, stop_after=1):
                        on_wake()
        except psycopg.Error:
            stop.wait(RETRY_SECONDS)
