"""Why a launcher ended. The numbers are a contract with whoever started it; README.md explains each.

None is over 128: shells, bubblewrap and container engines report an end by a signal that way.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    SUCCESS = 0
    INTERNAL = 70
    BAD_SPEC = 78
    WORK_DIR = 79
    INPUT = 80
    ENTRY_POINT_INVALID = 81
    REQUIREMENTS = 82
    ENTRY_POINT_FAILED = 83
    TIME_LIMIT = 84
    UPLOAD = 85
    STOPPED = 86


class LauncherError(Exception):
    """The run cannot go on. ``reason`` is one sentence for the person who asked for the training."""

    def __init__(self, code: ExitCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
