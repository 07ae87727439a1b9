"""Keeps one adapter running for a home, and ends everything when told to. One supervisor per home, held by a lock.

``python -m adapters.easymaker.cli.supervision`` is what `up --detach` leaves running.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

import httpx

from adapters.easymaker.cli import adapter_log, identity, ports
from adapters.easymaker.cli.installation import Installation, open_installation
from adapters.easymaker.cli.output import CliError, Report
from adapters.easymaker.cli.shutdown import end_everything
from adapters.easymaker.engines.local.processes import ProcessRunner

EXIT_USAGE = 2
TICK_SECONDS = 0.1
BACK_OFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STABLE_SECONDS = 60.0
FIRST_ATTEMPTS = 3
PROBE_SECONDS = 0.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class GaveUp(CliError):
    """The adapter cannot be started; the message says why."""


@dataclass
class Stop:
    """Set by a signal, read between two looks."""

    number: int | None = None

    @property
    def asked(self) -> bool:
        return self.number is not None


@contextlib.contextmanager
def stop_signals() -> Iterator[Stop]:
    """While open, Ctrl-C, SIGTERM and a closed terminal ask for an orderly end instead of ending us at once."""
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        stop.number = stop.number or number

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Supervisor:
    """``tick`` is to be called often; it hardly blocks. Only for the holder of the supervisor lock."""

    installation: Installation
    report: Report
    was_ready: bool = False
    _child: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0
    _start_at: float = 0.0
    _deaths: int = 0
    _log_offset: int = field(default=0)

    def prepare(self) -> None:
        """End an adapter that lost its supervisor, and check the ports.

        Raises:
            CliError: a port is another program's; nothing was started.
        """
        orphan = identity.living(self.installation.adapter_record)
        if orphan is not None:
            self.report("ending an adapter that lost its supervisor")
            identity.end(orphan, 15.0)
        _end_gateway_of_other_ports(self.installation)
        for use in ports.look(self.installation):
            if use.problem:
                raise CliError(use.problem)
        own = identity.identify(os.getpid())
        assert own is not None
        identity.write_record(self.installation.supervisor_record, own)
        self.installation.failure_note.unlink(missing_ok=True)
        adapter_log.rotate(self.installation.adapter_log)

    def tick(self) -> None:
        """Start the adapter if it does not run and its time has come.

        Raises:
            GaveUp: it ended several times before it ever answered, or said that its settings are wrong.
        """
        if self._child is None:
            if time.monotonic() >= self._start_at:
                self._start()
            return
        code = self._child.poll()
        if code is None:
            self.was_ready = self.was_ready or _answers(self.installation)
            if self._deaths and time.monotonic() - self._started_at > STABLE_SECONDS:
                self._deaths = 0
            return
        self._child = None
        self._died(code)

    def _start(self) -> None:
        log = self.installation.adapter_log
        self._log_offset = adapter_log.size(log)
        with log.open("ab") as file:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "adapters.easymaker"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=self.installation.root,
                env=_adapter_environment(),
                # Ctrl-C goes to us alone: we end the parts in their order.
                start_new_session=True,
            )
        self._started_at = time.monotonic()
        found = identity.identify(self._child.pid)
        if found is not None:
            identity.write_record(self.installation.adapter_record, found)

    def _died(self, code: int) -> None:
        why = adapter_log.trouble_since(self.installation.adapter_log, self._log_offset) if code > 0 else ""
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if code == EXIT_USAGE:
            raise GaveUp(why or f"the adapter {ended}", EXIT_USAGE)
        self._deaths += 1
        if not self.was_ready and self._deaths >= FIRST_ATTEMPTS:
            raise GaveUp(f"the adapter does not start: it {ended}" + (f": {why}" if why else ""))
        pause = BACK_OFF_SECONDS[min(self._deaths, len(BACK_OFF_SECONDS)) - 1]
        self._start_at = time.monotonic() + pause
        self.report(f"the adapter {ended}{f' ({why})' if why else ''}; it is started again in {pause:g} s")


def _adapter_environment() -> dict[str, str]:
    """Ours, less what would change how Python finds modules."""
    leave_out = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
    return {name: value for name, value in os.environ.items() if name not in leave_out}


def _end_gateway_of_other_ports(installation: Installation) -> None:
    """A gateway that still runs from before the port settings were changed is started anew with them."""
    pid = ports.gateway_pid(installation)
    if pid is None or all(use.ours or use.setting == "EASYMAKER_PORT" for use in ports.look(installation)):
        return
    gateway = identity.identify(pid)
    ProcessRunner(installation.home.processes).stop(ports.GATEWAY)
    if gateway is not None:
        identity.wait_for_end(gateway, 15.0)


def main() -> int:
    """Supervise without a terminal, until a signal or `down` ends it; lines go to the supervisor's log."""
    installation = open_installation()
    installation.create()

    def report(line: str) -> None:
        sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}\n")
        sys.stderr.flush()

    with stop_signals() as stop, identity.only_one(installation.supervisor_lock) as ours:
        if not ours:
            return 0
        supervisor = Supervisor(installation, report)
        try:
            supervisor.prepare()
            while not stop.asked:
                supervisor.tick()
                time.sleep(TICK_SECONDS)
        except CliError as error:
            report(str(error))
            installation.failure_note.write_text(f"{error.exit_code} {error}", encoding="utf-8")
            end_everything(installation, report)
            return error.exit_code
        end_everything(installation, report)
    return 0


def _answers(installation: Installation) -> bool:
    try:
        answer = httpx.get(f"{installation.api_url}/readyz", timeout=PROBE_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


if __name__ == "__main__":
    sys.exit(main())
