"""Waiting for what an API server and its watches bring about, without a guess how long that takes."""

import time
from collections.abc import Callable
from typing import Any

DEADLINE = 60.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of the condition."""
    give_up_at = time.monotonic() + DEADLINE
    while time.monotonic() < give_up_at:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within a minute: {what}")
