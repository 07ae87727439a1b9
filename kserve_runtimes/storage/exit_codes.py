"""How ``python -m kserve_runtimes.storage`` ends. Whoever started it can tell what trying again is good for."""

from enum import IntEnum


class ExitCode(IntEnum):
    """UNAVAILABLE and LOCAL may pass; the others stay what they are until somebody changes something."""

    DONE = 0
    USAGE = 2
    INVALID = 3
    NOT_FOUND = 4
    DENIED = 5
    UNAVAILABLE = 6
    LOCAL = 7
