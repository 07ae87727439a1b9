"""What is checked and noted for every request before any route: Host, Origin, body size; headers, log line."""

import re
import time
import uuid

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.easymaker.api.envelope import failure
from adapters.easymaker.errors import TooLarge

log = structlog.get_logger("easymaker.http")

REQUESTS = Counter("easymaker_http_requests", "Answered requests", ["method", "status"])
DURATION = Histogram("easymaker_http_seconds", "Time to the first byte of an answer", ["method"])
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
ESCAPED_SEPARATOR = re.compile(rb"%2f|%5c|%00", re.IGNORECASE)
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


class FrontDoor:
    """Plain ASGI, so that streamed answers pass through untouched.

    A page in any browser tab can send requests to loopback: the Host header must be one of ours (which defeats DNS
    rebinding), and a request that carries another site's Origin is refused.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: tuple[str, ...], max_body_bytes: int) -> None:
        self.app = app
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._max_body = max_body_bytes
        self._told = f"the body is larger than {max_body_bytes} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        noted = Note(scope, send)
        headers = Headers(scope=scope)
        refusal = self._refuse(headers, scope.get("raw_path") or b"")
        if refusal is not None:
            await refusal(scope, receive, noted.send)
            noted.write()
            return
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_body:
                raise TooLarge(self._told)
            return message

        try:
            await self.app(scope, limited, noted.send)
        finally:
            noted.write()

    def _refuse(self, headers: Headers, raw_path: bytes) -> ASGIApp | None:
        if not self._known(headers.get("host", "")):
            message = "the Host header names no host of this service; see EASYMAKER_ALLOWED_HOSTS"
            return failure(400, "INVALID_REQUEST", message, {})
        origin = headers.get("origin")
        if origin is not None and not self._known(origin.partition("://")[2]):
            return failure(403, "FORBIDDEN", "requests from pages of other sites are refused", {})
        if ESCAPED_SEPARATOR.search(raw_path):
            # Decoded it would be another path than the one that whoever stands in front has seen.
            return failure(400, "INVALID_REQUEST", "the path contains an escaped separator", {})
        length = headers.get("content-length", "0")
        if not length.isdigit():
            return failure(400, "INVALID_REQUEST", "Content-Length is no number", {})
        return self._too_large() if int(length) > self._max_body else None

    def _known(self, authority: str) -> bool:
        host, _, port = authority.lower().rpartition(":")
        return (host if host and port.isdigit() else authority.lower()) in self._hosts

    def _too_large(self) -> ASGIApp:
        return failure(413, TooLarge.code, self._told, {"Connection": "close"})


class Note:
    """Adds headers to an answer and writes one log line about it: never a query, a header or a body."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._id = uuid.uuid4().hex
        self._began = time.perf_counter()
        self._status = 0
        self._seconds = 0.0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._seconds = time.perf_counter() - self._began
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._id
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", API_POLICY)
        await self._send(message)

    def write(self) -> None:
        method = self._scope["method"] if self._scope["method"] in METHODS else "OTHER"
        REQUESTS.labels(method, self._status).inc()
        DURATION.labels(method).observe(self._seconds)
        milliseconds = round(self._seconds * 1000, 1)
        route = self._scope.get("route")
        path = getattr(route, "path", "unmatched")
        log.info("request", id=self._id, method=method, route=path, status=self._status, ms=milliseconds)


METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
