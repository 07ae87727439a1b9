"""How long to wait before each further attempt of a task, as KFP's retry policy has it."""

from typing import Any

# kfp allows any number; a run should have an end.
MOST = 100
_FACTOR = 2.0
_LONGEST = 3600.0


def pauses(policy: Any) -> list[float]:
    """A pause per retry; ``policy`` is the IR's message."""
    first = _seconds(policy.backoff_duration)
    factor = policy.backoff_factor if policy.backoff_factor > 0 else _FACTOR
    longest = _seconds(policy.backoff_max_duration) if policy.HasField("backoff_max_duration") else _LONGEST
    found: list[float] = []
    pause = first
    for _ in range(min(max(policy.max_retry_count, 0), MOST)):
        found.append(min(pause, longest))
        pause = min(pause * factor, longest)
    return found


def _seconds(duration: Any) -> float:
    return max(0.0, duration.seconds + duration.nanos / 1e9)
