"""An HTTPS proxy in front of a test API server that fails as it is told and records every request.

Bearer tokens pass through; client certificates cannot, so whoever comes this way uses a token.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import h11

from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.faults import ANSWERED, Fault, FaultBook, FaultKind, stale_event, status_document
from tests.kubernetes.http_side import HttpSide, Message, is_json
from tests.kubernetes.request_attributes import RequestAttributes, attributes_of, token_subject

# The server closes idle connections after a longer time, so none of ours meets its end by chance.
_REUSE_SECONDS = 20


@dataclass
class RecordedRequest:
    """``status`` is None for a request that got no answer, ``fault`` for one that nothing was done to."""

    attributes: RequestAttributes
    user: str
    user_agent: str
    status: int | None = None
    fault: Fault | None = None


class _Cut(Exception):
    """Ends the client's connection without another byte."""


class FaultProxy:
    """A context manager. ``faults.add(Fault("patch", "trainjobs", "409"))``; ``requests`` are all that came so far."""

    def __init__(self, server: ApiServerProcess) -> None:
        self._server = server
        self._serving = server.authority.for_loopback("fault-proxy").server_context()
        self._upstream = server.authority.client_context()
        self._requests: list[RecordedRequest] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._watches: dict[asyncio.Task[None], RequestAttributes] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self._ready = threading.Event()
        self.faults = FaultBook()
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30), "the fault proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()

    @property
    def requests(self) -> list[RecordedRequest]:
        return list(self._requests)

    def forget(self) -> None:
        """Recorded requests only; the rules stay."""
        self._requests.clear()

    def count(self, verb: str, resource: str) -> int:
        seen = (each.attributes for each in self.requests)
        return sum(each.verb == verb and each.full_resource == resource for each in seen)

    def kubeconfig(self, token: str) -> Path:
        return self._server.kubeconfig_with_token(token, self.url)

    def end_watches(self, resource: str = "*") -> None:
        """Cuts the running ones at once, as a server does that restarts."""
        self._call(
            lambda: [task.cancel() for task, watch in self._watches.items() if resource in ("*", watch.resource)]
        )

    def watches(self) -> list[RequestAttributes]:
        """The running ones."""
        return list(self._watches.values())

    def _call(self, function: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._serving)
        self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        connection = _Connection(self, HttpSide(h11.SERVER, reader, writer), task)
        try:
            # Cancelled by ``end_watches`` and at the end: the connection is cut, which is what was asked for.
            with contextlib.suppress(_Cut, OSError, h11.ProtocolError, asyncio.CancelledError):
                await connection.run()
        finally:
            connection.abort()
            self._connections.discard(task)
            self._watches.pop(task, None)


class _Connection:
    """One client's connection and the one to the server that belongs to it."""

    def __init__(self, proxy: FaultProxy, client: HttpSide, task: asyncio.Task[None]) -> None:
        self._proxy = proxy
        self._client = client
        self._task = task
        self._server: HttpSide | None = None
        self._used = 0.0

    def abort(self) -> None:
        for side in (self._client, self._server):
            if side is not None:
                side.abort()

    async def run(self) -> None:
        while (message := await self._client.request()) is not None:
            attributes = attributes_of(message.head.method.decode(), message.head.target.decode())
            agent, user = message.header(b"user-agent"), token_subject(message.header(b"authorization"))
            record = RecordedRequest(attributes, user, agent)
            self._proxy._requests.append(record)
            await self._exchange(message, record)
            if not self._client.reusable():
                break

    async def _exchange(self, message: Message, record: RecordedRequest) -> None:
        fault = record.fault = self._proxy.faults.for_request(record.attributes)
        kind = None if fault is None else FaultKind(fault.kind)
        if fault is not None and kind in ANSWERED:
            record.status, document = status_document(fault)
            extra = [("retry-after", str(math.ceil(fault.seconds)))] if record.status == 429 else []
            await self._client.answer(record.status, document, extra)
            return
        if kind is FaultKind.CUT:
            raise _Cut
        if fault is not None and kind is FaultKind.PAUSE:
            await asyncio.sleep(fault.seconds)
        server = await self._server_side()
        await server.send_request(message, plain=record.attributes.verb == "watch")
        head = await server.response()
        if kind is FaultKind.CUT_AFTER:
            await server.rest()
            raise _Cut
        record.status = head.status_code
        await self._client.send(head)
        if record.attributes.verb == "watch" and head.status_code == 200:
            await self._watch(server, record, server.lines() if is_json(head) else server.pieces())
        else:
            async for piece in server.pieces():
                await self._client.send(h11.Data(piece))
            await self._client.send(h11.EndOfMessage())
        self._used = time.monotonic()

    async def _watch(self, server: HttpSide, record: RecordedRequest, events: AsyncIterator[bytes]) -> None:
        self._proxy._watches[self._task] = record.attributes
        relay = asyncio.ensure_future(self._relay_events(server, record, events))
        gone = asyncio.ensure_future(self._client.closed())
        try:
            await asyncio.wait({relay, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._proxy._watches.pop(self._task, None)
            gone.cancel()
            relay.cancel()
            await asyncio.gather(gone, return_exceptions=True)
        await relay

    async def _relay_events(self, server: HttpSide, record: RecordedRequest, events: AsyncIterator[bytes]) -> None:
        faults, watch = self._proxy.faults, record.attributes
        fault = faults.for_new_watch(watch)
        while fault is None or FaultKind(fault.kind) is FaultKind.DROP_WATCH_EVENTS:
            record.fault = fault or record.fault
            event = await anext(events, None)
            if event is None:
                break
            fault = faults.for_event(watch)
            if fault is None:
                await self._client.send(h11.Data(event))
        if fault is not None:
            record.fault = fault
            if FaultKind(fault.kind) is FaultKind.CUT_AFTER:
                raise _Cut
            await self._client.send(h11.Data(stale_event()))
            # The server still sends on that connection.
            server.abort()
            self._server = None
        await self._client.send(h11.EndOfMessage())

    async def _server_side(self) -> HttpSide:
        old = self._server
        if old is not None:
            if time.monotonic() - self._used < _REUSE_SECONDS and old.reusable():
                return old
            old.abort()
        port = int(self._proxy._server.url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=self._proxy._upstream)
        self._server = HttpSide(h11.CLIENT, reader, writer)
        return self._server
