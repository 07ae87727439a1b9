"""Experiments in Kubeflow Pipelines, over its REST API (v2beta1).

The whole kfp client takes seconds to import; four requests do not need it.
"""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Self

import httpx

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.names import MANAGER, namespace_of
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.record import Json, Record

EXPERIMENTS = "/apis/v2beta1/experiments"
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
AWAY_SECONDS = 2.0
DENIED_SECONDS = 10.0
LONGEST_NAME = 80
LONGEST_MESSAGE = 500
# Names are unique within a namespace, and the id is in the name: more than one means that somebody copied it.
PAGE = 10


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

    def find(self, record: Record) -> str | None:
        """The id of the experiment that was made for this resource, also under an earlier name of it."""
        predicate = {"operation": "IS_SUBSTRING", "key": "display_name", "stringValue": _suffix(record)}
        query = {
            "namespace": namespace_of(record.appkey),
            "page_size": str(PAGE),
            "filter": json.dumps({"predicates": [predicate]}),
        }
        answer = _content(self._send("GET", EXPERIMENTS, query))
        for experiment in answer.get("experiments") or []:
            if str(experiment.get("display_name", "")).endswith(_suffix(record)):
                return experiment["experiment_id"]
        return None

    def ensure(self, record: Record) -> None:
        """Make the experiment; already there is success."""
        body = {
            "display_name": f"{record.name[:LONGEST_NAME]}{_suffix(record)}",
            "description": record.description,
            "namespace": namespace_of(record.appkey),
        }
        response = self._send("POST", EXPERIMENTS, body=body)
        if response.status_code != HTTPStatus.CONFLICT:
            _content(response)

    def remove(self, record: Record, known: str | None) -> None:
        """Delete the experiment; its runs stay. Missing is success."""
        experiment_id = known or self.find(record)
        if experiment_id is None:
            return
        response = self._send("DELETE", f"{EXPERIMENTS}/{experiment_id}")
        if response.status_code != HTTPStatus.NOT_FOUND:
            _content(response)

    def _send(
        self, method: str, path: str, query: dict[str, str] | None = None, body: Json | None = None
    ) -> httpx.Response:
        try:
            return self._client.request(method, path, params=query, json=body, headers=self._authorization())
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


def _suffix(record: Record) -> str:
    return f" ({record.id})"


def _content(response: httpx.Response) -> Json:
    if response.is_success:
        try:
            return response.json() if response.content else {}
        except ValueError as error:
            raise TemporaryEngineError("Kubeflow Pipelines answered what is not JSON", AWAY_SECONDS) from error
    raise _error(response)


def _error(response: httpx.Response) -> TemporaryEngineError | PermanentEngineError:
    status = response.status_code
    try:
        told = str(response.json().get("message", ""))
    except (ValueError, AttributeError):
        told = response.text
    told = " ".join(told.split())[:LONGEST_MESSAGE] or "without a reason"
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
        return PermanentEngineError(f"Kubeflow Pipelines refuses it: {told}")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return TemporaryEngineError(f"Kubeflow Pipelines does not allow it: {told}", DENIED_SECONDS)
    return TemporaryEngineError(f"Kubeflow Pipelines answered {status}: {told}", AWAY_SECONDS)
