"""The Kubernetes API, as far as the engine needs it: objects are plain JSON, troubles are the engine's errors.

Nothing is retried in here but a request that a renewed token can mend: the reconcile loop comes back by itself, ever
more rarely. Every write may therefore be repeated: apply and delete name their object.
"""

import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

import httpx
import orjson

from adapters.easymaker.engines.cluster.api_resources import POD, ApiResource, resource_of
from adapters.easymaker.engines.cluster.connection import Credentials
from adapters.easymaker.engines.cluster.names import MANAGER
from adapters.easymaker.errors import EngineError, PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.record import Json

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
PAGE = 500
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
CONNECTIONS = 64
AWAY_SECONDS = 2.0
DENIED_SECONDS = 10.0
LONGEST_MESSAGE = 500
# A manifest that does not fit its schema is answered with 500 by server-side apply.
UNTYPED = "failed to create typed patch object"


class Gone(TemporaryEngineError):
    """410: the resourceVersion or the continuation of a list is too old; list anew."""


class Watch:
    """The events of one watch, as {"type", "object"}; read by one thread, ended by any."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._lock = threading.Lock()
        self._closed = False

    def __iter__(self) -> Iterator[Json]:
        return _events(self._response)

    def end(self) -> None:
        """Let the reader come to its end. The connection is shut down and not closed: the number of a closed one can
        be another connection's by the time the reader, which only knows the number, wakes up."""
        with self._lock, suppress(OSError):
            if not self._closed:
                used = self._response.extensions["network_stream"].get_extra_info("socket")
                with socket.fromfd(used.fileno(), used.family, used.type) as connection:
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._response.close()


class ApiServer:
    """Safe to use from several threads.

    Every method raises TemporaryEngineError for whatever a later attempt may mend (network, 401, 403, 409, 410, 429,
    5xx, a kind that is not installed) and PermanentEngineError for what the server finds invalid.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        server = credentials.server
        self._client = httpx.Client(
            base_url=server.url,
            verify=server.verify,
            proxy=server.proxy,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            headers={"User-Agent": MANAGER, "Accept": "application/json"},
            trust_env=False,
        )
        self._reload = threading.Lock()

    def close(self) -> None:
        """To be called when nobody reads from it any more: watches are ended before."""
        self._client.close()

    def read(self, resource: ApiResource, namespace: str | None, name: str) -> Json | None:
        """The object as it is now; None when there is none."""
        return self._answer("GET", resource.path(namespace, name), missing=True)

    def pages(self, resource: ApiResource, namespace: str | None, selector: str = "") -> Iterator[Json]:
        """The pages of a list: objects with these labels, in one namespace or in all. Each has ``items``, and in
        ``metadata`` the resourceVersion to watch from.

        Raises:
            Gone: the list changed for so long that it cannot be continued.
        """
        query = {"labelSelector": selector, "limit": str(PAGE)}
        while True:
            page = self._answer("GET", resource.path(namespace), query)
            assert page is not None
            yield page
            after = page["metadata"].get("continue")
            if not after:
                return
            query["continue"] = after

    def apply(self, manifest: Json) -> Json:
        """Server-side apply: what the manifest names becomes so, whoever set it before."""
        resource, meta = resource_of(manifest), manifest["metadata"]
        query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        path = resource.path(meta.get("namespace"), meta["name"])
        answer = self._answer("PATCH", path, query, (APPLY, manifest))
        assert answer is not None
        return answer

    def patch(
        self, resource: ApiResource, namespace: str, name: str, change: Json, subresource: str | None = None
    ) -> Json | None:
        """JSON merge patch; None when the object is not there."""
        path, query = resource.path(namespace, name, subresource), {"fieldManager": MANAGER}
        return self._answer("PATCH", path, query, (MERGE, change), missing=True)

    def delete(self, resource: ApiResource, namespace: str | None, name: str) -> None:
        """Missing is success. What belongs to the object is collected in the background."""
        body = ("application/json", {"propagationPolicy": "Background"})
        self._answer("DELETE", resource.path(namespace, name), {}, body, missing=True)

    def create(self, resource: ApiResource, body: Json, namespace: str | None = None) -> Json:
        """For reviews, which are questions rather than objects."""
        manifest = {"apiVersion": resource.api_version, "kind": resource.kind} | body
        answer = self._answer("POST", resource.path(namespace), {}, ("application/json", manifest))
        assert answer is not None
        return answer

    def get(self, path: str) -> Json | None:
        """Any other document, such as /version; None when there is none."""
        return self._answer("GET", path, missing=True)

    def log(self, namespace: str, pod: str, container: str, limit_bytes: int) -> bytes | None:
        """The first ``limit_bytes`` of a container's log; None when there is no such pod or it has not started."""
        query = {"container": container, "limitBytes": str(limit_bytes)}
        response = self._send("GET", POD.path(namespace, pod, "log"), query)
        if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST):
            return None
        _require_success(response)
        return response.content

    def list(self, resource: ApiResource, namespace: str | None, selector: str = "") -> list[Json]:
        """All objects with these labels as they are now, in one namespace or in all."""
        return [item for page in self.pages(resource, namespace, selector) for item in page["items"] or []]

    @contextmanager
    def watch(
        self, resource: ApiResource, namespace: str | None, query: dict[str, str], seconds: float
    ) -> Generator[Watch]:
        """A watch of at most ``seconds``.

        Raises:
            Gone: the resourceVersion is too old.
        """
        query = query | {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(int(seconds))}
        timeout = httpx.Timeout(seconds + READ_SECONDS, connect=CONNECT_SECONDS)
        path = resource.path(namespace)
        with _troubles(path):
            request = self._client.build_request("GET", path, params=query, timeout=timeout, headers=self._headers())
            response = self._client.send(request, stream=True)
            events = Watch(response)
            try:
                if response.status_code != HTTPStatus.OK:
                    response.read()
                    if response.status_code == HTTPStatus.UNAUTHORIZED:
                        self._renew()
                    _require_success(response)
                yield events
            finally:
                events.close()

    def _answer(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: tuple[str, Json] | None = None,
        missing: bool = False,
    ) -> Json | None:
        response = self._send(method, path, query or {}, body)
        if missing and response.status_code == HTTPStatus.NOT_FOUND:
            return None
        _require_success(response)
        with _troubles(path):
            return orjson.loads(response.content)

    def _send(
        self, method: str, path: str, query: dict[str, str], body: tuple[str, Json] | None = None
    ) -> httpx.Response:
        content = orjson.dumps(body[1]) if body else None
        kind = {"Content-Type": body[0]} if body else {}

        def send() -> httpx.Response:
            return self._client.request(method, path, params=query, headers=kind | self._headers(), content=content)

        with _troubles(path):
            response = send()
            if response.status_code == HTTPStatus.UNAUTHORIZED and self._renew():
                response = send()
        return response

    def _headers(self) -> dict[str, str]:
        return self._credentials.headers()

    def _renew(self) -> bool:
        with self._reload:
            return self._credentials.reload()


def _events(response: httpx.Response) -> Iterator[Json]:
    for line in response.iter_lines():
        if not line:
            continue
        event = orjson.loads(line)
        if event["type"] == "ERROR":
            raise _error(int(event["object"].get("code") or 500), event["object"].get("message", ""), None)
        yield event


@contextmanager
def _troubles(path: str) -> Generator[None]:
    try:
        yield
    except httpx.TransportError as error:
        what = "timed out" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        raise TemporaryEngineError(f"the Kubernetes API server {what}: {error}", AWAY_SECONDS) from error
    except orjson.JSONDecodeError as error:
        raise TemporaryEngineError(f"the answer to {path} is not JSON", AWAY_SECONDS) from error


def _require_success(response: httpx.Response) -> None:
    if response.is_success:
        return
    try:
        message = str(orjson.loads(response.content).get("message", ""))
    except (orjson.JSONDecodeError, AttributeError):
        message = response.text
    raise _error(response.status_code, message, response.headers.get("Retry-After"))


def _error(status: int, message: str, retry_after: str | None) -> EngineError:
    told = message.strip()[:LONGEST_MESSAGE] or "without a reason"
    pause = float(retry_after) if retry_after and retry_after.isdigit() else AWAY_SECONDS
    if status == HTTPStatus.GONE:
        return Gone(told, AWAY_SECONDS)
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY) or UNTYPED in message:
        return PermanentEngineError(f"the cluster refuses it: {told}")
    if status == HTTPStatus.FORBIDDEN:
        # A quota may be raised and a role be granted; until then the reason is shown.
        return TemporaryEngineError(f"the cluster does not allow it: {told}", DENIED_SECONDS)
    if status == HTTPStatus.NOT_FOUND:
        hint = "is that part of Kubeflow installed? `kubeflow-easymaker preflight` tells"
        return TemporaryEngineError(f"the cluster does not know it: {told} ({hint})", DENIED_SECONDS)
    return TemporaryEngineError(f"the Kubernetes API server answered {status}: {told}", pause)


def object_key(obj: Json) -> tuple[str, str]:
    """(namespace, name)"""
    meta: dict[str, Any] = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]
