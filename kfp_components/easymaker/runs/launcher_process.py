"""The launcher as a child process: its output passed on and looked through, a stop request handed down."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

from kfp_components.easymaker.launcher.exit_codes import ExitCode
from kfp_components.easymaker.launcher.spec import LauncherSpec
from kfp_components.easymaker.runs.metric_log import MetricLog

MODULE = "kfp_components.easymaker.launcher"
PIECE = 64 * 1024


class RunFailed(Exception):
    """The program's run failed; the text is the launcher's sentence."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


class LauncherProcess:
    """Start with ``run``, in any thread; ``stop`` asks for the end, from any other."""

    def __init__(self, spec: LauncherSpec, environ: Mapping[str, str], metrics: MetricLog, prefix: bytes = b"") -> None:
        self._spec = spec
        self._environ = dict(environ)
        self._metrics = metrics
        self._prefix = prefix
        # Of the kind that a signal handler may take which interrupts the very code that holds it.
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self) -> None:
        """Until its end; raises RunFailed for any that is no success."""
        self._start()
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as output:
            unfinished = b""
            while piece := os.read(output.fileno(), PIECE):
                self._metrics.feed(piece)
                unfinished = _show(self._prefix, unfinished + piece)
            _show(self._prefix, unfinished + b"\n" if unfinished else b"")
        self._metrics.close()
        code = self._process.wait()
        if code != ExitCode.SUCCESS:
            raise RunFailed(self._reason(code), code)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)

    def _start(self) -> None:
        path = self._spec.status_path.with_name("spec.json")
        path.write_text(self._spec.to_json(), encoding="utf-8")
        with self._lock:
            if self._stopped:
                raise RunFailed("The training was stopped on request.", ExitCode.STOPPED)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, str(path)],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            if self._stopped:
                self._process.send_signal(signal.SIGTERM)

    def _reason(self, code: int) -> str:
        try:
            status = json.loads(self._spec.status_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            status = {}
        return str(status.get("reason") or f"The launcher ended with {code}; its last lines say why.")


def _show(prefix: bytes, output: bytes) -> bytes:
    """Pass it on; with a prefix whole lines only, the rest is returned: runs at the same time share this log."""
    rest = b""
    if prefix:
        whole, newline, rest = output.rpartition(b"\n")
        output = b"".join(prefix + line for line in (whole + newline).splitlines(keepends=True))
        if len(rest) > PIECE:
            output, rest = output + prefix + rest + b"\n", b""
    # Whoever reads the log may be gone; the run goes on without it.
    with suppress(OSError, ValueError):
        sys.stdout.buffer.write(output)
        sys.stdout.buffer.flush()
    return rest


@contextmanager
def stopped_by_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Within the block SIGTERM and SIGINT call ``stop`` instead of ending this process; main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
