"""A tuning's own log, in lines for people. It outlives the process: a controller that is started again writes on."""

import os
import time
from pathlib import Path

MOST_BYTES = 16 * 1024 * 1024
# A message holds names and reasons that others have chosen.
LONGEST_LINE = 4000


class Log:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._last = ""

    def say(self, text: str) -> None:
        """One line; the same one is not said twice in a row. A full disk ends nothing."""
        if text == self._last:
            return
        self._last = text
        line = "".join(char if char.isprintable() else " " for char in text)[:LONGEST_LINE]
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            if os.fstat(self._file).st_size < MOST_BYTES:
                os.write(self._file, f"{moment} {line}\n".encode())
        except OSError:
            self._last = ""

    def close(self) -> None:
        os.close(self._file)
