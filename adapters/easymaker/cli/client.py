"""The adapter's API as the CLI calls it: never through a proxy, errors as one sentence."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from adapters.easymaker.cli import tokens
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import CliError

TIMEOUT_SECONDS = 10.0


class ApiClient:
    def __init__(self, installation: Installation, timeout: float = TIMEOUT_SECONDS) -> None:
        self._url = installation.api_url
        self._prefix = f"/v1.0/appkeys/{installation.settings.appkey}"
        headers = {"X-EasyMaker-Token": tokens.known_token(installation)}
        self._http = httpx.Client(base_url=self._url, headers=headers, timeout=timeout, trust_env=False)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's body.

        Raises:
            CliError: nobody answers, or the answer says no.
        """
        try:
            return _body(self._http.get(path, params=params))
        except httpx.HTTPError as error:
            raise self._away(error) from error

    def send_resource(self, method: str, path: str) -> dict[str, Any]:
        """A request without a body to a path below the installation's appkey."""
        try:
            return _body(self._http.request(method, self._prefix + path))
        except httpx.HTTPError as error:
            raise self._away(error) from error

    def get_resource(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A path below the installation's appkey."""
        return self.get(self._prefix + path, params)

    def stream_resource(self, path: str, params: Mapping[str, Any]) -> Iterator[str]:
        """A text that grows, until its end."""
        try:
            with self._http.stream("GET", self._prefix + path, params=params, timeout=None) as response:
                if response.status_code != 200:
                    response.read()
                    _body(response)
                yield from response.iter_text()
        except httpx.HTTPError as error:
            raise self._away(error) from error

    def _away(self, error: httpx.HTTPError) -> CliError:
        if isinstance(error, httpx.TimeoutException):
            return CliError(f"the adapter at {self._url} does not answer in time; see `kubeflow-easymaker logs`")
        return CliError(f"nothing answers at {self._url}: run `kubeflow-easymaker up` first")


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
        header = body["header"]
        if header["isSuccessful"]:
            return body
        message = header.get("resultMessage") or f"status {response.status_code}"
    except (ValueError, KeyError, TypeError):
        raise CliError(f"{response.url} is answered by something else than the adapter") from None
    raise CliError(str(message))
