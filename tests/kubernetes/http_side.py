"""One end of an HTTP/1.1 connection over asyncio streams: h11 for the protocol, this for the bytes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import h11

_CHUNK = 65536


@dataclass(frozen=True)
class Message:
    head: h11.Request
    body: bytes

    def header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for key, value in self.head.headers if key == name), "")


def is_json(head: h11.Response) -> bool:
    return any(key == b"content-type" and b"json" in value for key, value in head.headers)


class HttpSide:
    def __init__(
        self, role: type[h11.CLIENT] | type[h11.SERVER], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._http = h11.Connection(role)
        self._reader = reader
        self._writer = writer

    def abort(self) -> None:
        self._writer.transport.abort()

    def reusable(self) -> bool:
        """Ready for the next exchange, if both ends agree to one."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return self._http.our_state is h11.IDLE and self._http.their_state is h11.IDLE

    async def send(self, event: h11.Request | h11.Response | h11.Data | h11.EndOfMessage) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def request(self) -> Message | None:
        """The next one, whole; None when the other end has closed."""
        head = await self._next()
        if not isinstance(head, h11.Request):
            return None
        return Message(head, await self.rest())

    async def answer(self, status: int, document: bytes, extra: list[tuple[str, str]]) -> None:
        headers = [("content-type", "application/json"), ("content-length", str(len(document))), *extra]
        await self.send(h11.Response(status_code=status, headers=headers))
        await self.send(h11.Data(document))
        await self.send(h11.EndOfMessage())

    async def send_request(self, message: Message, plain: bool) -> None:
        """``plain`` asks for an answer that is not compressed."""
        headers = [pair for pair in message.head.headers if not (plain and pair[0] == b"accept-encoding")]
        await self.send(h11.Request(method=message.head.method, target=message.head.target, headers=headers))
        if message.body:
            await self.send(h11.Data(message.body))
        await self.send(h11.EndOfMessage())

    async def response(self) -> h11.Response:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise ConnectionResetError("the server closed the connection without an answer")

    async def rest(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    async def lines(self) -> AsyncIterator[bytes]:
        """A watch's events as JSON: one a line, the line's end included."""
        left = b""
        async for piece in self.pieces():
            *whole, left = (left + piece).split(b"\n")
            for line in whole:
                yield line + b"\n"
        if left:
            yield left

    async def closed(self) -> None:
        """Returns when the other end closes while it should be reading."""
        while data := await self._reader.read(_CHUNK):
            self._http.receive_data(data)

    async def _next(self) -> h11.Event:
        while True:
            event = self._http.next_event()
            if event is h11.PAUSED:
                raise ConnectionResetError("a second request came before the answer to the first")
            if not isinstance(event, type):
                return event
            self._http.receive_data(await self._reader.read(_CHUNK))
