"""Named points at which a test can kill the process, to prove that nothing is lost there.

``EASYMAKER_CRASH_AT=reconcile.after_act`` makes the process end itself with SIGKILL when it gets to that point for the
first time, ``EASYMAKER_CRASH_AT=reconcile.after_act:3`` when it gets there for the third time. Without the variable a
point costs one comparison. The catalogue below is closed: a point that is not in it cannot be compiled into the code,
and tests/failure/ (tests/cluster/ for those of the cluster engine, the tests of the local tunings for theirs) runs a
life cycle once for each.
"""

import os
import signal
import threading

POINTS = (
    "api.before_commit",
    "api.after_commit",
    "reconcile.after_claim",
    "reconcile.after_observe",
    "reconcile.before_act",
    "reconcile.after_act",
    "reconcile.before_apply",
    "reconcile.after_apply",
    "process.before_spawn",
    "process.after_spawn",
    "process.before_signal",
    "process.before_remove",
    "process.after_remove",
    "gateway.before_publish",
    "gateway.after_publish",
    "tuning.before_append",
    "tuning.after_append",
    "cluster.before_apply",
    "cluster.after_apply",
    "cluster.before_delete",
    "cluster.after_delete",
)

_lock = threading.Lock()
_passed: dict[str, int] = {}


def _armed() -> tuple[str, int] | None:
    value = os.environ.get("EASYMAKER_CRASH_AT")
    if not value:
        return None
    name, _, count = value.partition(":")
    if name not in POINTS:
        raise SystemExit(f"EASYMAKER_CRASH_AT={value}: no such crash point; there are {', '.join(POINTS)}")
    return name, int(count or 1)


_ARMED = _armed()


def crash_point(name: str) -> None:
    """End the process with SIGKILL if this point is armed; otherwise do nothing."""
    if _ARMED is None:
        return
    assert name in POINTS, name
    if name != _ARMED[0]:
        return
    with _lock:
        _passed[name] = _passed.get(name, 0) + 1
        if _passed[name] >= _ARMED[1]:
            os.kill(os.getpid(), signal.SIGKILL)
