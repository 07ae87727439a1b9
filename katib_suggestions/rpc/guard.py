"""What every method has around it: outcomes as statuses, one line in the log, metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError

from katib_suggestions.rpc.calls import Call
from katib_suggestions.rpc.errors import NotAMessage
from katib_suggestions.rpc.metrics import Metrics
from katib_suggestions.rpc.refusals import refusal
from katib_suggestions.rpc.services import Behaviour, Method

Answer = Callable[[Any, Call], Awaitable[Any]]
"""A method of a service: a request and its call to the reply."""

log = structlog.get_logger("katib_suggestions")


@dataclass(frozen=True)
class Guard:
    metrics: Metrics

    def around(self, method: Method, answer: Answer) -> Behaviour:
        """The behaviour for grpc.aio, of requests as bytes."""

        async def behaviour(request: bytes, context: grpc.aio.ServicerContext) -> Any:
            left = context.time_remaining()
            call = Call(method.name, None if left is None else time.monotonic() + left)
            started = time.perf_counter()
            reference = ""
            try:
                reply = await answer(_parsed(method, request), call)
            except asyncio.CancelledError:
                self._record(call, "CANCELLED", started, "the caller has gone", reference)
                raise
            except Exception as error:
                code, details, reference = refusal(error)
                if reference:
                    log.exception("bug", method=method.name, reference=reference)
            else:
                self._record(call, "OK", started, "", reference)
                return reply
            self._record(call, code.name, started, details, reference)
            return await context.abort(code, details)

        return behaviour

    def _record(self, call: Call, code: str, started: float, details: str, reference: str) -> None:
        seconds = time.perf_counter() - started
        self.metrics.record(call, code, seconds)
        about = {"method": call.method, "algorithm": call.algorithm, "code": code, "seconds": round(seconds, 4)}
        about |= call.notes
        if code == "OK":
            log.info("answered", **about)
        elif not reference:
            log.warning("refused", **about, details=details)


def _parsed(method: Method, request: bytes) -> Any:
    try:
        return method.request.FromString(request)
    except DecodeError as error:
        raise NotAMessage(f"the request is no {method.request.DESCRIPTOR.full_name}") from error
