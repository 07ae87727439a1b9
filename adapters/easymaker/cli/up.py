"""`up`: start an installation and see to it that everything of it answers."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.easymaker.cli import identity, output, parts, ports, tokens
from adapters.easymaker.cli.environment import write_bundle
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import CliError, Format
from adapters.easymaker.cli.progress import Progress
from adapters.easymaker.cli.shutdown import end_everything
from adapters.easymaker.cli.supervision import Supervisor, stop_signals
from adapters.easymaker.engines.base import Part

TICK_SECONDS = 0.1
TROUBLE_SECONDS = 10.0
END_SECONDS = 90.0
INTERRUPTED = 130


@dataclass
class Startup:
    """Watches the parts until all run, and knows when there is no hope left."""

    installation: Installation
    progress: Progress
    timeout: float
    _trouble_since: float | None = None

    def look(self) -> list[Part] | None:
        """The parts once all of them run, None before.

        Raises:
            CliError: a part reports the same trouble for a while, or it takes longer than the timeout.
        """
        seen = parts.look(self.installation)
        self.progress.update(seen)
        if parts.all_running(seen):
            return seen
        trouble = next((part for part in seen if part.state == "DOWN" and part.detail), None)
        if trouble is None:
            self._trouble_since = None
        else:
            self._trouble_since = self._trouble_since or self.progress.seconds
            if self.progress.seconds - self._trouble_since > TROUBLE_SECONDS:
                raise CliError(f"the {trouble.name} does not start: {trouble.detail}")
        if self.progress.seconds > self.timeout:
            waiting = ", ".join(part.name for part in seen if part.state != "RUNNING")
            raise CliError(f"not ready within {self.timeout:.0f} s ({waiting}); see {self.installation.adapter_log}")
        return None


def begin(installation: Installation) -> None:
    """What must be there before the adapter starts.

    Raises:
        CliError: settings clash, or the home cannot be written.
    """
    if problem := ports.clash(installation):
        raise CliError(problem, output.EXIT_USAGE)
    installation.create()
    tokens.first_token(installation)


def in_foreground(installation: Installation, form: Format, timeout: float) -> int:
    """Run until a signal comes, then end everything."""
    begin(installation)
    with stop_signals() as stop, identity.only_one(installation.supervisor_lock) as ours:
        if not ours:
            raise CliError(_already(installation) + "; `kubeflow-easymaker down` ends it")
        progress = Progress(quiet=form is Format.JSON)
        supervisor = Supervisor(installation, progress.note)
        supervisor.prepare()
        try:
            ready = _until_ready(supervisor, Startup(installation, progress, timeout), lambda: stop.asked)
            if ready is not None:
                show(installation, ready, form, progress.seconds)
                output.hint(form, 'in another shell: eval "$(kubeflow-easymaker env)"; Ctrl-C here ends everything')
            while not stop.asked:
                supervisor.tick()
                time.sleep(TICK_SECONDS)
        finally:
            end_everything(installation, progress.note)
    return 0 if ready is not None else INTERRUPTED


def _until_ready(supervisor: Supervisor, startup: Startup, interrupted: Callable[[], bool]) -> list[Part] | None:
    """The parts when all run; None when interrupted before."""
    with startup.progress:
        while not interrupted():
            supervisor.tick()
            seen = startup.look()
            if seen is not None:
                return seen
            time.sleep(TICK_SECONDS)
    return None


def detached(installation: Installation, form: Format, timeout: float) -> tuple[list[Part], float]:
    """Leave a supervisor running in a session of its own; returns the parts and the seconds when everything runs."""
    begin(installation)
    before = identity.is_held(installation.supervisor_lock)
    progress = Progress(quiet=form is Format.JSON)
    child = None if before else _spawn(installation)
    if before:
        progress.note(_already(installation))
    startup = Startup(installation, progress, timeout)
    try:
        with progress:
            # What a killed supervisor left may answer for another moment, until the new one has ended it.
            while (seen := startup.look()) is None or identity.living(installation.supervisor_record) is None:
                if not _supervised(installation, child):
                    raise _failure(installation)
                time.sleep(TICK_SECONDS)
    except BaseException:
        if child is not None:
            stop_supervisor(installation)
        raise
    return seen, progress.seconds


def show(installation: Installation, seen: list[Part], form: Format, seconds: float) -> None:
    """The one screen that says what runs where."""
    if write_bundle(installation) is None:
        raise CliError(f"the gateway's certificate authority is missing: {installation.ca_file}")
    if form is Format.JSON:
        output.print_json(summary(installation, seen) | {"seconds": round(seconds, 2)})
        return
    console = output.out()
    console.print(f"[bold]EasyMaker on Kubeflow[/bold] runs on this machine, ready after {seconds:.1f} s\n")
    rows: list[dict[str, Any]] = parts.as_json(seen)
    console.print(output.table({"name": "PART", "state": "STATE", "address": "ADDRESS", "detail": ""}, rows))
    console.print(
        f"\nState  {installation.root}\nLog    {installation.adapter_log}\nAppkey {installation.settings.appkey}"
    )


def summary(installation: Installation, seen: list[Part]) -> dict[str, Any]:
    return {
        "running": parts.all_running(seen),
        "home": str(installation.root),
        "apiUrl": installation.api_url,
        "appkey": installation.settings.appkey,
        "log": str(installation.adapter_log),
        "parts": parts.as_json(seen),
    }


def stop_supervisor(installation: Installation) -> None:
    """Ask it to end everything and wait until it has; end it by force when it does not."""
    if not identity.is_held(installation.supervisor_lock):
        return
    found = _recorded(installation)
    if found is None:
        return
    found.signal(15)
    if not identity.wait_for_end(found, END_SECONDS):
        found.signal(9)
        identity.wait_for_end(found, END_SECONDS)


def _recorded(installation: Installation) -> identity.Identity | None:
    """The holder of the lock; it writes its record a moment after it took the lock."""
    deadline = time.monotonic() + 5.0
    while (found := identity.living(installation.supervisor_record)) is None and time.monotonic() < deadline:
        if not identity.is_held(installation.supervisor_lock):
            return None
        time.sleep(TICK_SECONDS)
    return found


def _spawn(installation: Installation) -> subprocess.Popen[bytes]:
    installation.failure_note.unlink(missing_ok=True)
    with installation.supervisor_log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "adapters.easymaker.cli.supervision"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=installation.root,
            start_new_session=True,
        )


def _supervised(installation: Installation, child: subprocess.Popen[bytes] | None) -> bool:
    if child is not None and child.poll() is None:
        return True
    return identity.is_held(installation.supervisor_lock)


def _failure(installation: Installation) -> CliError:
    try:
        code, _, why = installation.failure_note.read_text(encoding="utf-8").partition(" ")
        return CliError(why, int(code))
    except (OSError, ValueError):
        return CliError(f"the supervisor ended early; see {installation.supervisor_log}")


def _already(installation: Installation) -> str:
    found = identity.living(installation.supervisor_record)
    return f"already up: {installation.api_url}, home {installation.root}" + (f", pid {found.pid}" if found else "")
