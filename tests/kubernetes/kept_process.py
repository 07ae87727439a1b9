"""Runs a program for as long as its own standard input stays open, so that a killed test run leaves no server behind.

As a script: ``python kept_process.py program argument…``; the reader of the other end is whoever started it.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

_END_SECONDS = 30


def start_kept(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """End it with ``end_kept``; its output goes to ``log``."""
    wrapper = [sys.executable, "-I", "-S", __file__, *command]
    with log.open("ab") as output:
        return subprocess.Popen(
            wrapper, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=log.parent, start_new_session=True
        )


def end_kept(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait(_END_SECONDS)


def _main(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_input, args=(child, sys.stdin.buffer), daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: child.kill())
    return child.wait()


def _end_with_input(child: subprocess.Popen[bytes], stream: IO[bytes]) -> None:
    while os.read(stream.fileno(), 1024):
        pass
    # The servers' data is as temporary as they are: an orderly end would only take longer.
    child.kill()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
