"""Katib's DBManager over what a test puts into it, on a Unix socket; it waits and fails as a test wants."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import grpc

from katib_suggestions.rpc import api_pb2
from katib_suggestions.rpc.services import DB_MANAGER, handlers
from tests.conftest import PATIENCE


class ObservationStore:
    """``with ObservationStore(directory) as store: store.logs["trial"] = ["0.1", "0.2"]``; ``reads`` counts."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self.address = f"unix:{directory / 'db'}"
        self.logs: dict[str, list[str]] = {}
        self.reads: list[str] = []
        self.failures: list[grpc.StatusCode] = []
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._server = grpc.server(ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((handlers(DB_MANAGER, {"GetObservationLog": self._get}),))
        self._server.add_insecure_port(self.address)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.may_answer.set()
        self._server.stop(0).wait()

    def _get(self, request: api_pb2.GetObservationLogRequest, context: Any) -> api_pb2.GetObservationLogReply:
        self.asked.set()
        assert self.may_answer.wait(PATIENCE)
        self.reads.append(request.trial_name)
        if self.failures:
            context.abort(self.failures.pop(), "the database is away")
        return api_pb2.GetObservationLogReply(
            observation_log=api_pb2.ObservationLog(
                metric_logs=[
                    api_pb2.MetricLog(
                        time_stamp=f"2026-01-01T00:00:{second:02d}Z",
                        metric=api_pb2.Metric(name=request.metric_name, value=value),
                    )
                    for second, value in enumerate(self.logs.get(request.trial_name, []))
                ]
            )
        )
