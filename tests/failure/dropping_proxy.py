"""A TCP proxy that loses the first answer to every create: the adapter has committed, and its client never knows."""

import asyncio
import re
import threading

from tests.conftest import PATIENCE

_KEY = re.compile(rb"^idempotency-key:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)


class DroppingProxy:
    """Listens on ``port`` of loopback; one request per connection. ``dropped`` counts lost answers."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._seen: set[bytes] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0
        self.dropped = 0
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            answer = await self._ask(head, body)
            key = _KEY.search(head)
            if key is not None and key[1] not in self._seen:
                self._seen.add(key[1])
                self.dropped += 1
                writer.transport.abort()
                return
            writer.write(answer)
            await writer.drain()
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()

    async def _ask(self, head: bytes, body: bytes) -> bytes:
        """The whole answer, so that the adapter has done everything that it does for the request."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1) + body)
            return await reader.read()
        finally:
            writer.close()
