"""The REST API of Kubeflow Pipelines (v2beta1): requests, pages, and what its answers mean.

The whole kfp client takes seconds to import; these few requests do not need it.
"""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import httpx

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.names import MANAGER
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.record import Json

ROOT = "/apis/v2beta1"
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
AWAY_SECONDS = 2.0
DENIED_SECONDS = 10.0
LONGEST_MESSAGE = 500
PAGE = 100
MOST_PAGES = 100
# gRPC's code for what is not there. A 404 without it comes from something else that answers at this address.
GRPC_NOT_FOUND = 5
# What an upload says, with 400, of a caller who may not: not that the file is wrong.
UPLOAD_DENIED = frozenset({"Failed to create a pipeline", "Failed to create a pipeline version"})
NOT_SET = "this installation has no Kubeflow Pipelines: set EASYMAKER_CLUSTER_PIPELINES_URL"


class PipelinesApi:
    """Every method raises TemporaryEngineError for what a later attempt may mend, else PermanentEngineError."""

    def __init__(self, url: str, token: Path) -> None:
        self._token = token
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            headers={"User-Agent": MANAGER, "Accept": "application/json"},
            trust_env=False,
        )

    @classmethod
    def of(cls, cluster: ClusterSettings) -> Self | None:
        """None where no address is set."""
        return cls(cluster.pipelines_url, cluster.pipelines_token) if cluster.pipelines_url else None

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json | None:
        """None where Pipelines says that there is no such thing."""
        response = self._send("GET", path, params=query)
        return None if _not_there(response) else _content(response)

    def post(self, path: str, body: Json | None = None) -> Json:
        return _content(self._send("POST", path, json=body))

    def create(self, path: str, body: Json) -> None:
        """Already there is success."""
        _require_made(self._send("POST", path, json=body))

    def delete(self, path: str, query: Mapping[str, str] | None = None) -> None:
        """Missing is success."""
        response = self._send("DELETE", path, params=query)
        if not _not_there(response):
            _content(response)

    def upload(self, path: str, document: str, query: Mapping[str, str]) -> None:
        """A pipeline's document; already there is success."""
        files = {"uploadfile": ("pipeline.yaml", document.encode(), "application/x-yaml")}
        response = self._send("POST", path, params=query, files=files)
        if response.status_code == HTTPStatus.BAD_REQUEST and _told(response) in UPLOAD_DENIED:
            raise TemporaryEngineError(f"Kubeflow Pipelines does not allow it: {_told(response)}", DENIED_SECONDS)
        _require_made(response)

    def pages(self, path: str, key: str, query: Mapping[str, str]) -> Iterator[Json]:
        """All that a list has, page by page; ``key`` is where an answer has them."""
        token = ""
        for _ in range(MOST_PAGES):
            more = {"page_token": token} if token else {}
            answer = _content(self._send("GET", path, params={"page_size": str(PAGE)} | dict(query) | more))
            yield from answer.get(key) or []
            token = answer.get("next_page_token") or ""
            if not token:
                return

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, headers=self._authorization(), **options)
        except httpx.TransportError as error:
            what = "timed out" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
            raise TemporaryEngineError(f"Kubeflow Pipelines {what}: {error}", AWAY_SECONDS) from error

    def _authorization(self) -> dict[str, str]:
        """The token's file is replaced before it expires, so it is read each time. Without one, Pipelines decides."""
        try:
            token = self._token.read_text("utf-8").strip()
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise TemporaryEngineError("the token for Kubeflow Pipelines cannot be read", DENIED_SECONDS) from error
        return {"Authorization": f"Bearer {token}"} if token else {}


def filtered(operation: str, key: str, **value: str) -> Json:
    """One predicate of a list's filter; ``value`` is ``stringValue`` or ``timestampValue``."""
    return {"operation": operation, "key": key} | value


def filter_of(*predicates: Json) -> str:
    return json.dumps({"predicates": list(predicates)})


def _require_made(response: httpx.Response) -> None:
    if response.status_code != HTTPStatus.CONFLICT:
        _content(response)


def _not_there(response: httpx.Response) -> bool:
    if response.status_code != HTTPStatus.NOT_FOUND:
        return False
    try:
        return response.json().get("code") == GRPC_NOT_FOUND
    except (ValueError, AttributeError):
        return False


def _content(response: httpx.Response) -> Json:
    if response.is_success:
        try:
            return response.json() if response.content else {}
        except ValueError as error:
            raise TemporaryEngineError("Kubeflow Pipelines answered what is not JSON", AWAY_SECONDS) from error
    raise _error(response)


def _told(response: httpx.Response) -> str:
    """The message of an answer: uploads have theirs in another field than all others, or as plain text."""
    try:
        body = response.json()
        told = str(body.get("message") or body.get("error_message") or "")
    except (ValueError, AttributeError):
        told = response.text
    return " ".join(told.split())[:LONGEST_MESSAGE]


def _error(response: httpx.Response) -> TemporaryEngineError | PermanentEngineError:
    status, told = response.status_code, _told(response) or "without a reason"
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
        return PermanentEngineError(f"Kubeflow Pipelines refuses it: {told}")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return TemporaryEngineError(f"Kubeflow Pipelines does not allow it: {told}", DENIED_SECONDS)
    return TemporaryEngineError(f"Kubeflow Pipelines answered {status}: {told}", AWAY_SECONDS)
