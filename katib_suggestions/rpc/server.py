"""A gRPC server as Kubernetes wants one: probes, reflection, an orderly end on SIGTERM that finishes what it began."""

import asyncio
import os
import signal
import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from katib_suggestions.rpc import services
from katib_suggestions.rpc.channel import UNLIMITED_MESSAGES, target
from katib_suggestions.rpc.errors import BadAddress, CannotListen
from katib_suggestions.rpc.guard import Answer, Guard

UNIX = "unix:"
# Linux, the terminating zero not counted.
_LONGEST_SOCKET_PATH = 107

log = structlog.get_logger("katib_suggestions")


@dataclass(frozen=True)
class Served:
    """One service, and the name under which its probes ask."""

    service: str
    probe: str
    answers: dict[str, Answer]


@dataclass(frozen=True)
class Listening:
    addresses: Sequence[str]
    grace: float
    """Seconds for what is under way at the end."""


async def serve(served: Served, listening: Listening, guard: Guard, ready: Callable[[list[str]], None]) -> None:
    """Until SIGTERM or SIGINT. ``ready`` is told the addresses, with the port that was chosen for port 0."""
    # A port that another program has is an error, not something to share.
    server = grpc.aio.server(options=[*UNLIMITED_MESSAGES, ("grpc.so_reuseport", 0)])
    methods = services.methods(served.service)
    behaviours = {name: guard.around(methods[name], answer) for name, answer in served.answers.items()}
    server.add_generic_rpc_handlers((services.handlers(served.service, behaviours, parsed=False),))
    # Set by the package at run time, depending on the version of Python.
    probes = health.aio.HealthServicer()  # pyright: ignore[reportAttributeAccessIssue]
    await probes.set(served.probe, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(probes, server)
    names = (served.service, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    bound = [_bind(server, address) for address in listening.addresses]
    stopped = _on_signal()
    await server.start()
    ready(bound)
    await stopped()
    log.info("ending", grace=listening.grace)
    await probes.enter_graceful_shutdown()
    await server.stop(listening.grace)


def _bind(server: grpc.aio.Server, address: str) -> str:
    if address.startswith(UNIX):
        _prepare_socket(Path(address.removeprefix(UNIX)))
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise CannotListen(f"cannot listen on {address}: the address is in use, or not one of this machine") from error
    return address if address.startswith(UNIX) else f"{address.rpartition(':')[0]}:{port}"


def _prepare_socket(path: Path) -> None:
    """A directory that only its owner may enter guards the socket: who can connect needs nothing else."""
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        raise BadAddress(f"unix:{path}: a path of at most {_LONGEST_SOCKET_PATH} bytes is needed")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.parent.stat().st_mode
    except OSError as error:
        raise CannotListen(f"cannot listen on unix:{path}: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise CannotListen(f"cannot listen on unix:{path}: others than its owner may enter the directory (chmod 700)")


def _on_signal() -> Callable[[], Awaitable[object]]:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped.wait


def address_of(host: str, port: int) -> str:
    """What gRPC listens on; port 0 lets the system choose."""
    return target(host, 1).removesuffix("1") + str(port)
