"""The status file: what a launcher is doing, for whoever started it. Replaced in one step, so never half written."""

import json
import os
import time
from pathlib import Path
from typing import Any, Literal

from kfp_components.easymaker.launcher.exit_codes import ExitCode
from kfp_components.easymaker.launcher.messages import say

Phase = Literal["PREPARING", "RUNNING", "UPLOADING", "DONE"]


class StatusFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._since = time.monotonic()
        self._seconds: dict[str, float] = {}
        self._state: dict[str, Any] = {
            "phase": None,
            "result": None,
            "exit_code": None,
            "reason": None,
            "entry_point_exit_code": None,
            "started_at": time.time(),
            "finished_at": None,
            "seconds": self._seconds,
        }

    def enter(self, phase: Phase) -> None:
        self._close_phase()
        self._state["phase"] = phase
        self._write()

    def entry_point_ended(self, returncode: int) -> None:
        """Known from here on; negative for a signal."""
        self._state["entry_point_exit_code"] = returncode

    def finish(self, code: ExitCode, reason: str) -> None:
        self._close_phase()
        self._state |= {
            "phase": "DONE",
            "result": code.name,
            "exit_code": int(code),
            "reason": reason,
            "finished_at": time.time(),
        }
        self._write()

    def _close_phase(self) -> None:
        now = time.monotonic()
        if self._state["phase"]:
            self._seconds[self._state["phase"]] = round(now - self._since, 3)
        self._since = now

    def _write(self) -> None:
        """A full disk must not end a training whose state it keeps from being noted."""
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            partial.write_text(json.dumps(self._state, ensure_ascii=False), encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            say(f"warning: the status could not be written: {error}")
