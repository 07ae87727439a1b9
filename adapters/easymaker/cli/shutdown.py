"""The end of everything that belongs to one home, in the order that loses nothing; each step may be repeated."""

import time
from dataclasses import dataclass

from adapters.easymaker import catalogue
from adapters.easymaker.cli import identity, postgres
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import Report
from adapters.easymaker.engines.local.engine import build_local
from adapters.easymaker.engines.local.processes import Phase, ProcessRunner
from adapters.easymaker.errors import EasyMakerError

ADAPTER_SECONDS = 15.0
LEFTOVER_SECONDS = 15.0
POLL_SECONDS = 0.1
ALIVE = (Phase.STARTING, Phase.RUNNING)


@dataclass(frozen=True)
class Inventory:
    """What of a home runs now, by name."""

    supervisor: identity.Identity | None
    adapter: identity.Identity | None
    processes: tuple[str, ...]
    postgres: identity.Identity | None

    def names(self) -> list[str]:
        own = {"supervisor": self.supervisor, "adapter": self.adapter}
        named = [f"{name} (pid {found.pid})" for name, found in own.items() if found]
        last = [f"PostgreSQL (pid {self.postgres.pid})"] if self.postgres else []
        return [*named, *self.processes, *last]


def inventory(installation: Installation) -> Inventory:
    held = identity.is_held(installation.supervisor_lock)
    names: tuple[str, ...] = ()
    if installation.home.processes.is_dir():
        runner = ProcessRunner(installation.home.processes)
        names = tuple(name for name in runner.names() if runner.observe(name).phase in ALIVE)
    return Inventory(
        identity.living(installation.supervisor_record) if held else None,
        identity.living(installation.adapter_record),
        names,
        postgres.running(installation.postgres_dir),
    )


def end_everything(installation: Installation, report: Report) -> None:
    """Adapter, jobs and servers, gateway and object storage, PostgreSQL; what stays is in the inventory."""
    adapter = identity.living(installation.adapter_record)
    if adapter is not None:
        report("ending the adapter")
        identity.end(adapter, ADAPTER_SECONDS)
    installation.adapter_record.unlink(missing_ok=True)
    if installation.home.processes.is_dir():
        _end_processes(installation, report)
    if postgres.running(installation.postgres_dir) is not None:
        report("ending PostgreSQL")
        try:
            postgres.stop(installation.postgres_dir)
        except EasyMakerError as error:
            report(str(error))


def _end_processes(installation: Installation, report: Report) -> None:
    running = inventory(installation).processes
    if not running:
        return
    report(f"ending {len(running)} process{'es' if len(running) > 1 else ''} of the engine")
    # What is to be ended does not depend on the catalogue, and the operator's may be the one that is broken.
    build_local(installation.settings, catalogue.load(None)).engine.platform.stop()
    runner = ProcessRunner(installation.home.processes)
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while (left := inventory(installation).processes) and time.monotonic() < deadline:
        # It has had its grace period: now it is ended by force, and its directory goes with it.
        for name in left:
            runner.remove(name)
        time.sleep(POLL_SECONDS)
