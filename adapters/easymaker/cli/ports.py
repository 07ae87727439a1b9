"""Whether the ports that the settings name are free, or held by this home's own programs."""

from dataclasses import dataclass

import psutil

from adapters.easymaker.cli.identity import living
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.engines.local.ports import is_free
from adapters.easymaker.engines.local.processes import ProcessRunner

GATEWAY = "gateway"


@dataclass(frozen=True)
class PortUse:
    """``free`` and ``ours`` are both False when another program listens there."""

    purpose: str
    setting: str
    port: int
    free: bool
    ours: bool

    @property
    def problem(self) -> str:
        if self.free or self.ours:
            return ""
        return (
            f"port {self.port} ({self.purpose}) is taken by {_listener(self.port)}: end that, "
            f"or set {self.setting} to a free port"
        )


def look(installation: Installation) -> list[PortUse]:
    settings = installation.settings
    adapter = living(installation.adapter_record)
    api_ours = _listening(adapter.pid if adapter else None)
    gateway_ours = _listening(gateway_pid(installation))
    wanted = (
        ("API", "EASYMAKER_PORT", settings.port, api_ours),
        ("gateway", "EASYMAKER_GATEWAY_PORT", settings.gateway_port, gateway_ours),
        ("object storage", "EASYMAKER_OBJECT_STORAGE_PORT", settings.object_storage_port, gateway_ours),
    )
    return [PortUse(purpose, name, port, is_free(port), port in ours) for purpose, name, port, ours in wanted]


def clash(installation: Installation) -> str:
    """Two settings that name the same port, or one that names none; empty when all is well."""
    settings = installation.settings
    named = {
        "EASYMAKER_PORT": settings.port,
        "EASYMAKER_GATEWAY_PORT": settings.gateway_port,
        "EASYMAKER_OBJECT_STORAGE_PORT": settings.object_storage_port,
    }
    if settings.port == 0:
        return "EASYMAKER_PORT=0: clients need to know the port, name one"
    for name, port in named.items():
        for other, value in named.items():
            if name < other and port == value:
                return f"{name} and {other} both name port {port}: change one of them"
    return ""


def gateway_pid(installation: Installation) -> int | None:
    """The gateway goes on when the adapter dies, so it may be there before the adapter is."""
    if not installation.home.processes.is_dir():
        return None
    return ProcessRunner(installation.home.processes).observe(GATEWAY).pid


def _listening(pid: int | None) -> set[int]:
    if pid is None:
        return set()
    try:
        found = psutil.Process(pid).net_connections("inet")
    except psutil.Error:
        return set()
    return {c.laddr.port for c in found if c.status == psutil.CONN_LISTEN and c.laddr}


def _listener(port: int) -> str:
    """Who it is, where this user may see that."""
    try:
        for connection in psutil.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return "another program"
    return "another program"
