"""What both servers are told on their command line, and how a server runs with it."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable

import structlog

from katib_suggestions.rpc import logs
from katib_suggestions.rpc.calls import Workers
from katib_suggestions.rpc.guard import Guard
from katib_suggestions.rpc.metrics import Metrics
from katib_suggestions.rpc.server import UNIX, Listening, Served, address_of, serve

LEVELS = ("debug", "info", "warning", "error")
# Less than the 30 s that Kubernetes gives a pod.
GRACE_SECONDS = 25.0
HIGHEST_PORT = 65535

log = structlog.get_logger("katib_suggestions")


def add_serving_arguments(parser: argparse.ArgumentParser, default_port: int, workers: int) -> None:
    parser.set_defaults(default_port=default_port)
    parser.add_argument("--port", type=_port, help=f"default {default_port} unless --listen is given; 0 takes any")
    parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1; [::] for every address of a pod")
    parser.add_argument(
        "--listen",
        action="append",
        type=_socket,
        default=[],
        metavar="unix:PATH",
        help="a Unix socket in a directory that only its owner may enter; may be given more than once",
    )
    parser.add_argument("--metrics-port", type=_port, help="serve Prometheus metrics there; 0 takes any; default: none")
    parser.add_argument("--workers", type=_workers, default=workers, help=f"threads, default {workers}")
    parser.add_argument("--log-level", type=str.lower, choices=LEVELS, default="info")


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 0 to {HIGHEST_PORT} is needed")
    return int(text)


def _socket(text: str) -> str:
    if not text.startswith(UNIX):
        raise argparse.ArgumentTypeError(f"{text!r} is no {UNIX}PATH; ports are for --host and --port")
    return text


def _workers(text: str) -> int:
    most = 64
    if not (text.isdecimal() and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {most}")
    return int(text)


def run_server(options: argparse.Namespace, make: Callable[[Workers], Served]) -> int:
    """Until it is told to end."""
    logs.configure(options.log_level)
    metrics = Metrics()
    workers = Workers(options.workers)
    listening = Listening(_addresses(options), GRACE_SECONDS)
    metrics_port = None if options.metrics_port is None else metrics.serve(options.host, options.metrics_port)

    def ready(addresses: list[str]) -> None:
        log.info("serving", addresses=addresses, metrics_port=metrics_port, process=os.getpid())

    asyncio.run(serve(make(workers), listening, Guard(metrics), ready))
    workers.close()
    log.info("ended")
    sys.stderr.flush()
    # A calculation that nobody waits for any more must not hold up the end.
    os._exit(0)


def _addresses(options: argparse.Namespace) -> list[str]:
    if options.listen and options.port is None:
        return options.listen
    port = options.default_port if options.port is None else options.port
    return [*options.listen, address_of(options.host, port)]
