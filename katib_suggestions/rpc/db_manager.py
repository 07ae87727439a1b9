"""Reads what trials have logged from Katib's DB manager, or from another server of its interface, over gRPC."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc

from katib_suggestions.rpc import api_pb2
from katib_suggestions.rpc.calls import Call
from katib_suggestions.rpc.channel import UNLIMITED_MESSAGES, target
from katib_suggestions.rpc.errors import LogsUnavailable
from katib_suggestions.rpc.services import DB_MANAGER, methods

PORT = 6789
# For one attempt, and for all attempts at one log; a log of a million values takes less.
_READ_SECONDS = 10.0
# For all reads of one call, so that the caller hears of the failure within the 60 s that it waits.
_WHOLE_SECONDS = 50.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
# UNKNOWN is what the DB manager makes of an error of its database.
_PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.UNKNOWN,
}


class DbManagerLogs:
    """ObservationLogs over one channel, until a deadline."""

    def __init__(self, channel: grpc.aio.Channel, address: str, deadline: float) -> None:
        self._read = methods(DB_MANAGER)["GetObservationLog"].caller(channel)
        self._address = address
        self._deadline = deadline

    async def values(self, trial: str, metric: str) -> Sequence[str]:
        """Raises LogsUnavailable once the deadline is near, or at once for an answer that stays the same."""
        request = api_pb2.GetObservationLogRequest(trial_name=trial, metric_name=metric)
        pause = _FIRST_PAUSE
        deadline = min(self._deadline, time.monotonic() + _READ_SECONDS)
        while True:
            seconds = max(deadline - time.monotonic(), _FIRST_PAUSE)
            try:
                reply = await self._read(request, timeout=seconds)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    return ()
                if error.code() not in _PASSING or time.monotonic() + pause >= deadline:
                    raise self._unavailable(error) from error
            else:
                # A server may hold more than it was asked for.
                logs = reply.observation_log.metric_logs
                return [each.metric.value for each in logs if each.metric.name in ("", metric)]
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _unavailable(self, error: grpc.aio.AioRpcError) -> LogsUnavailable:
        return LogsUnavailable(f"the DB manager at {self._address}: {error.code().name}: {error.details()}")


@asynccontextmanager
async def db_manager_logs(address: str, call: Call) -> AsyncIterator[DbManagerLogs]:
    """Raises BadAddress for what is no address."""
    # An answer is owed to the caller before its own deadline.
    seconds = 0.9 * call.remaining(_WHOLE_SECONDS)
    async with grpc.aio.insecure_channel(target(address, PORT), options=UNLIMITED_MESSAGES) as channel:
        yield DbManagerLogs(channel, address, time.monotonic() + seconds)
