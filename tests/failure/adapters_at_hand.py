"""Adapters that can be killed and started again quickly, and a keeper that does so at chosen crash points."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conftest import PATIENCE, Installation


class ForkedAdapter:
    """Like the Popen of an adapter, for one that the preloaded process has forked."""

    def __init__(self, pid: int, ended: dict[int, int], changed: threading.Condition) -> None:
        self.pid = pid
        self._ended = ended
        self._changed = changed

    @property
    def returncode(self) -> int | None:
        return self._ended.get(self.pid)

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            # It may have ended, and that it has may be on its way.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        with self._changed:
            if not self._changed.wait_for(lambda: self.returncode is not None, timeout):
                raise subprocess.TimeoutExpired("adapter", timeout or 0)
        return self._ended[self.pid]


class Preloaded:
    """One process with everything imported, which forks adapters; each is a real one in a session of its own."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("preloaded_adapter.py")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EASYMAKER_")}
        kept["PYTHONPATH"] = str(Path(__file__).parents[2])
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=kept
        )
        self._started: queue.Queue[int] = queue.Queue()
        self._ended: dict[int, int] = {}
        self._changed = threading.Condition()
        self._order = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, installation: Installation, *, wait: bool = True, **settings: Any) -> ForkedAdapter:
        """As Installation.start, and the adapter is one of the installation's."""
        order = {"environment": installation.environment(**settings), "log": str(installation.log)}
        assert self._process.stdin is not None
        with self._order:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            adapter: Any = ForkedAdapter(self._started.get(timeout=PATIENCE), self._ended, self._changed)
        installation.adapters.append(adapter)
        if wait:
            installation.wait_ready(adapter, settings.get("port", installation.port))
        return adapter

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "started" in told:
                self._started.put(told["started"])
                continue
            with self._changed:
                self._ended[told["ended"]] = told["code"]
                self._changed.notify_all()


class Keeper:
    """Keeps one adapter of an installation running: whenever it has died, the next is started, armed as planned.

    ``plan`` is a list of values for EASYMAKER_CRASH_AT; when it is used up, adapters are started unarmed.
    """

    def __init__(
        self, preloaded: Preloaded, installation: Installation, plan: Sequence[str] = (), **settings: Any
    ) -> None:
        self._preloaded = preloaded
        self._installation = installation
        self._settings = settings
        self._lock = threading.Lock()
        self._plan = list(plan)
        self._closed = threading.Event()
        self._armed: str | None = None
        self.kills: list[str] = []
        self.trouble: list[str] = []
        self._adapter = self._start_next()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def arm(self, plan: Sequence[str]) -> None:
        """Kill the present adapter, wherever it is, and start the next ones so that they die as planned."""
        with self._lock:
            self._plan = list(plan)
        self._adapter.send_signal(signal.SIGKILL)

    def disarm(self) -> list[str]:
        """From here on nothing is killed; returns what was planned and did not happen."""
        with self._lock:
            left = [*([self._armed] if self._armed else []), *self._plan]
            self._plan = []
            if self._armed:
                self._armed = None
                self._adapter.send_signal(signal.SIGKILL)
        return left

    def close(self) -> None:
        with self._lock:
            self._closed.set()
            self._installation.kill()
        self._thread.join(PATIENCE)

    def _keep(self) -> None:
        while not self._closed.is_set():
            code = self._adapter.wait()
            with self._lock:
                if self._closed.is_set():
                    return
                if code != -signal.SIGKILL:
                    self.trouble.append(f"an adapter ended with {code}: {self._installation.tail()}")
                elif self._armed:
                    self.kills.append(self._armed)
                self._installation.adapters.remove(self._adapter)  # type: ignore[arg-type]
                self._adapter = self._start_next()

    def _start_next(self) -> ForkedAdapter:
        self._armed = self._plan.pop(0) if self._plan else None
        armed = {"crash_at": self._armed} if self._armed else {}
        return self._preloaded.start(self._installation, wait=False, **self._settings, **armed)
