"""How a run ended, in one cause and one sentence for its owner. Pure."""

from __future__ import annotations

import os
import signal


def size(value: int) -> str:
    """1536 MiB as "1.5 GiB"."""
    amount = float(value)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} TiB"


def duration(seconds: float) -> str:
    """Whole hours and minutes from two of them on, seconds otherwise."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def memory_reason(limit: int) -> str:
    return f"memory limit of {size(limit)} exceeded"


def disk_reason(limit: int) -> str:
    return f"disk limit of {size(limit)} exceeded"


def timeout_reason(limit: float) -> str:
    return f"ran longer than {duration(limit)}"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def split_status(status: int, sandboxed: bool) -> tuple[int | None, int | None]:
    """Exit code and signal of a wait status. bubblewrap reports a signal of its job as 128 + its number."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return None, -code
    if sandboxed and 128 < code < 128 + signal.NSIG:
        return None, code - 128
    return code, None


def natural_end(exit_code: int | None, number: int | None) -> tuple[str, str]:
    """Cause and sentence of a job that nobody ended."""
    if number is not None:
        return "signalled", f"killed by {signal_name(number)} (signal {number})"
    return "exited", f"exit code {exit_code}"
