"""How long ``kubeflow-easymaker up`` takes until everything answers, with everything installed."""

import statistics
import time
from typing import Any

from benchmarks.installation import directory

ROUNDS = 3
AIM_SECONDS = 10.0


def run() -> dict[str, Any]:
    """``first``: a new home, so that databases and certificates are made; ``again``: what was ended starts anew."""
    first: list[float] = []
    again: list[float] = []
    with directory() as warm_up:
        warm_up.up()
    for _ in range(ROUNDS):
        with directory() as installation:
            for times in (first, again):
                began = time.monotonic()
                installation.up()
                times.append(time.monotonic() - began)
                installation.down()
    return {
        "first_seconds": {"median": statistics.median(first), "min": min(first), "max": max(first)},
        "again_seconds": {"median": statistics.median(again), "min": min(again), "max": max(again)},
        "aim_seconds": AIM_SECONDS,
        "passed": statistics.median(first) < AIM_SECONDS and statistics.median(again) < AIM_SECONDS,
    }


if __name__ == "__main__":
    print(run())
