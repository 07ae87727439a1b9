"""Requests to the EasyMaker API, repeated where that is safe, and waiting for what they began."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx

from kfp_components.easymaker.easymaker_api.errors import ApiRefused, ApiUnavailable, ResourceFailed
from kfp_components.easymaker.easymaker_api.settings import ApiSettings, trusted

Json = dict[str, Any]

ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
READY = frozenset({"ACTIVE", "COMPLETE", "ENABLED"})


class EasyMakerApi:
    """One appkey, one caller. ``kind`` is the plural of the paths, ``key`` the name of the resource in answers."""

    def __init__(self, settings: ApiSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep
        self._client = httpx.Client(headers=dict(settings.headers), timeout=120.0, verify=trusted())

    @classmethod
    def connect(cls) -> Self:
        """As the environment says; raises ApiNotConfigured."""
        return cls(ApiSettings.required())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: str) -> Json:
        return self._request("GET", path, params=query)

    def items(self, plural: str, key: str, **query: str) -> list[Json]:
        return self.get(f"/{plural}", **query)[f"{key}List"]

    def create(self, plural: str, key: str, body: Mapping[str, Any]) -> Json:
        """Once, however often the request has to be repeated: it carries an Idempotency-Key."""
        given = {name: value for name, value in body.items() if value is not None}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._request("POST", f"/{plural}", json=given | dict(self._settings.lineage), headers=headers)[key]

    def put(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        return self._request("PUT", path, json=dict(body or {}))

    def delete(self, path: str) -> None:
        """What is not there is deleted."""
        try:
            self._request("DELETE", path)
        except ApiRefused as refused:
            if refused.status != 404:
                raise

    def wait(self, plural: str, key: str, resource_id: str, ready: frozenset[str] = READY) -> Json:
        """The resource, once it is ready; raises ResourceFailed when it never will be."""
        told, pause = "", FIRST_PAUSE
        while True:
            resource = self.get(f"/{plural}/{resource_id}")[key]
            status = str(resource[f"{key}StatusCode"])
            if status in ready:
                return resource
            if _hopeless(status):
                reason = resource.get(f"{key}StatusReason") or "no reason is given"
                raise ResourceFailed(f"{key} {resource_id} is {status}: {reason}")
            if status != told:
                print(f"{key} {resource_id} is {status}", flush=True)  # noqa: T201 - the log of a step is its output
                told, pause = status, FIRST_PAUSE
            self._sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def wait_gone(self, plural: str, resource_id: str) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                self.get(f"/{plural}/{resource_id}")
            except ApiRefused as refused:
                if refused.status == 404:
                    return
                raise
            self._sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def storage_token(self, group: str) -> Json:
        """``{"id": …, "expires": …}``, as the SDK asks for it."""
        path = f"/token/v1.0/appkeys/{self._settings.appkey}/groups/{group}/iaas-token"
        return self._send("GET", self._settings.url + path)["access"]["token"]

    def _request(self, method: str, path: str, **options: Any) -> Json:
        return self._send(method, f"{self._settings.url}/v1.0/appkeys/{self._settings.appkey}{path}", **options)

    def _send(self, method: str, url: str, **options: Any) -> Json:
        """Every request of ours may be repeated: a create has its key, the others mean the same twice."""
        pause, problem = FIRST_PAUSE, ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._client.request(method, url, **options)
                if answer.status_code not in (429, 502, 503, 504):
                    return _checked(answer)
                problem = f"it answered {answer.status_code}"
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
            if attempt < ATTEMPTS:
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        raise ApiUnavailable(f"EasyMaker at {self._settings.url} cannot be reached: {problem}")


def _hopeless(status: str) -> bool:
    """As the SDK reads them; STOP_IN_PROGRESS leads to STOPPED, FAIL_…_IN_PROGRESS to FAIL_…."""
    return ("FAIL" in status or "STOP" in status) and not status.endswith("_IN_PROGRESS")


def _checked(answer: httpx.Response) -> Json:
    try:
        body = answer.json()
        header = body["header"]
        if header["isSuccessful"]:
            return body
    except (ValueError, KeyError, TypeError):
        raise ApiRefused(
            f"{answer.request.method} {answer.request.url.path}: {answer.status_code} and no answer of EasyMaker",
            answer.status_code,
        ) from None
    message = f"{answer.request.method} {answer.request.url.path}: {header.get('resultMessage')}"
    raise ApiRefused(message, answer.status_code, str(header.get("errorCode") or ""))
