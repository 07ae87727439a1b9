"""Starts real adapters without their two seconds of imports: it has imported everything, and forks once per order.

Run as a script. An order is one JSON line on stdin, {"environment": …, "log": …}; each answer is one line on stdout:
{"started": pid} for an order, {"ended": pid, "code": …} for an adapter that is gone (a signal is a negative code).
"""

import importlib
import json
import os
import signal
import sys
from types import FrameType
from typing import Any

from adapters.easymaker import __main__ as program
from adapters.easymaker import crash_points


def answer(value: dict[str, int]) -> None:
    os.write(1, json.dumps(value).encode() + b"\n")


def reap(_number: int, _frame: FrameType | None) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        answer({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def become_adapter(order: dict[str, Any]) -> None:
    """From here on this is what ``python -m adapters.easymaker`` is."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(order["environment"])
    importlib.reload(crash_points)  # it reads the environment when it is imported
    sys.exit(program.main())


def main() -> None:
    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become_adapter(order)
        answer({"started": pid})


if __name__ == "__main__":
    main()
