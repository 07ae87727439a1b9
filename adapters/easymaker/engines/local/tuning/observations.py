"""Serves the values of this tuning's trials as Katib's DB manager does, to the early-stopping service."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc

from adapters.easymaker.engines.local.tuning import series
from katib_suggestions.rpc import api_pb2
from katib_suggestions.rpc.services import DB_MANAGER, handlers

# Of each metric; a rule's start step is never beyond that.
MOST_ANSWERED = 10_000
THREADS = 2


class ObservationServer:
    """``find`` gives the series of a trial by its id, None for one that this tuning does not have."""

    def __init__(self, socket: Path, find: Callable[[str], Path | None]) -> None:
        self._socket = socket
        self._find = find
        self._server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="observations"))
        self._server.add_generic_rpc_handlers((handlers(DB_MANAGER, {"GetObservationLog": self._get}),))

    def start(self) -> None:
        """The socket's directory has to be one that only this user may enter."""
        self._socket.unlink(missing_ok=True)
        self._server.add_insecure_port(f"unix:{self._socket}")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None)
        self._socket.unlink(missing_ok=True)

    def _get(self, request: Any, context: grpc.ServicerContext) -> Any:
        path = self._find(request.trial_name)
        if path is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no trial {request.trial_name}")
        logs = [_message(*value) for value in _first(path, request.metric_name)] if path is not None else []
        return api_pb2.GetObservationLogReply(observation_log=api_pb2.ObservationLog(metric_logs=logs))


def _first(path: Path, metric: str) -> Iterator[series.Value]:
    answered: Counter[str] = Counter()
    for at, name, text in series.read(path):
        if metric in ("", name) and answered[name] < MOST_ANSWERED:
            answered[name] += 1
            yield at, name, text


def _message(at: float, name: str, text: str) -> Any:
    time_stamp = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return api_pb2.MetricLog(time_stamp=time_stamp, metric=api_pb2.Metric(name=name, value=text))
