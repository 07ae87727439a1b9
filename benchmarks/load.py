"""GET requests over a few keep-alive connections, with as little work per request as can be."""

import socket
import threading
import time
from dataclasses import dataclass

CONNECTIONS = 4


@dataclass(frozen=True)
class Target:
    port: int
    path: str
    token: str = ""

    def request(self) -> bytes:
        token = f"X-EasyMaker-Token: {self.token}\r\n" if self.token else ""
        return f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{token}\r\n".encode()


class Connection:
    def __init__(self, target: Target) -> None:
        self._socket = socket.create_connection(("127.0.0.1", target.port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = target.request()

    def ask(self) -> bytes:
        self._socket.sendall(self._request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode(errors="replace"))
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._received()
        return body

    def _received(self) -> bytes:
        chunk = self._socket.recv(262144)
        if not chunk:
            raise RuntimeError("the connection was closed")
        return chunk

    def close(self) -> None:
        self._socket.close()


def requests_per_second(target: Target, seconds: float) -> float:
    connections = [Connection(target) for _ in range(CONNECTIONS)]
    counts = [0] * CONNECTIONS
    began = time.monotonic()

    def work(at: int) -> None:
        while time.monotonic() < began + seconds:
            connections[at].ask()
            counts[at] += 1

    threads = [threading.Thread(target=work, args=(at,)) for at in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - began
    for connection in connections:
        connection.close()
    if not all(counts):
        raise RuntimeError("a connection failed; see the error above")
    return sum(counts) / elapsed
