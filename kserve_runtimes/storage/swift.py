"""The OpenStack Swift API over HTTPS: retries, token renewal, and one error sentence for each way to fail."""

import contextlib
import hashlib
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from .credentials import Credentials
from .egress import GuardedTransport
from .errors import InvalidStorageUri, StorageDenied, StorageError, StorageExists, StorageNotFound, StorageUnavailable
from .options import StorageOptions

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_MAX_WAIT_SECONDS = 20.0
PAGE = 10_000


@dataclass(frozen=True)
class Location:
    """``name`` is empty for the container, ``container`` for the account."""

    authority: str
    tenant: str
    container: str = ""
    name: str = ""

    def __str__(self) -> str:
        return "/".join(["obs:/", self.authority, "v1", f"AUTH_{self.tenant}", self.container, self.name]).rstrip("/")

    @property
    def is_usable(self) -> bool:
        """Dot segments would be resolved on the way and name something else."""
        return not any(segment in (".", "..") for segment in (self.container, *self.name.split("/")))

    @property
    def url(self) -> str:
        if not self.is_usable:
            raise InvalidStorageUri(f"{self} has a '.' or '..' in it and is refused.")
        parts = [f"https://{self.authority}/v1/AUTH_{quote(self.tenant, safe='')}"]
        parts += [quote(part, safe="/") for part in (self.container, self.name) if part]
        return "/".join(parts)


class SwiftClient:
    """One per StorageOptions; safe to share between threads."""

    def __init__(self, options: StorageOptions) -> None:
        self.options = options
        context = _ssl_context(options)
        guarded = GuardedTransport(options.egress, context, options.threads * 2)
        # A compressed answer would have another length and checksum than the object.
        identity = {"Accept-Encoding": "identity"}
        self._http = httpx.Client(transport=guarded, timeout=_TIMEOUT, trust_env=False, headers=identity)
        # The identity service is the operator's own choice of address.
        self._credentials = Credentials(options, httpx.Client(verify=context, timeout=_TIMEOUT, trust_env=False))
        self._authorities: dict[str, bool] = {}
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        at: Location,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Callable[[], Iterable[bytes]] | None = None,
    ) -> httpx.Response:
        """The response, its body not yet read (close it); any status below 500 comes back, the rest is retried."""
        trusted = self._is_trusted(at.authority)
        token = self._credentials.token() if trusted else None
        renewed = False
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._send(method, at, {**(headers or {}), **_token_header(token)}, params, body)
            except httpx.TransportError as error:
                self._give_up_or_wait(attempt, at, error)
                continue
            if response.status_code == 401 and trusted and not renewed:
                renewed = True
                fresh = self._credentials.renewed(token)
                if fresh is not None:
                    response.close()
                    token, attempt = fresh, attempt - 1
                    continue
            if response.status_code in _RETRIED and attempt < self.options.attempts:
                response.close()
                time.sleep(_wait(attempt, response.headers.get("retry-after")))
                continue
            return response

    def call(self, method: str, at: Location, **arguments: Any) -> httpx.Response:
        """As ``request``, with the body read; raises the matching StorageError unless it is a success."""
        for attempt in range(1, self.options.attempts + 1):
            response = self.request(method, at, **arguments)
            try:
                response.read()
            except httpx.TransportError as error:
                self._give_up_or_wait(attempt, at, error)
                continue
            finally:
                response.close()
            self.check(response, at)
            return response
        raise AssertionError("unreachable")

    def check(self, response: httpx.Response, at: Location) -> None:
        status = response.status_code
        if status < 300:
            return
        if status == 404:
            raise StorageNotFound(f"{at} does not exist.")
        if status == 412:
            raise StorageExists(f"{at} exists already.")
        if status in (401, 403):
            raise StorageDenied(f"{at} may not be accessed: {self._why_denied(status, at)}.")
        if status in _RETRIED or status >= 500:
            raise StorageUnavailable(f"{at} is not available: the object storage answered {status}.")
        raise StorageError(f"{at} was refused by the object storage with status {status}.")

    def listing(self, at: Location, prefix: str = "", delimiter: str = "", limit: int | None = None) -> Iterator[dict]:
        """The JSON records of a container (or, without one, of the account), page by page."""
        marker, left = "", limit
        while True:
            size = PAGE if left is None else min(left, PAGE)
            params = {"format": "json", "limit": str(size), "marker": marker, "prefix": prefix, "delimiter": delimiter}
            response = self.call("GET", at, params={key: value for key, value in params.items() if value})
            page = _records(response, at)
            yield from page
            if left is not None:
                left -= len(page)
            if not page or left == 0:
                return
            following = page[-1].get("name") or page[-1].get("subdir")
            if following == marker:
                raise StorageUnavailable(f"{at} cannot be listed: the object storage repeats itself.")
            marker = following

    def get(self, at: Location, start: int, end: int, etag: str) -> Iterator[bytes]:
        """Bytes ``start`` to ``end``; goes on where a connection broke, and never mixes two versions of an object."""
        attempt = 0
        while start < end:
            headers = {"Range": f"bytes={start}-{end - 1}", "If-Match": etag}
            response = self.request("GET", at, headers=headers)
            with contextlib.closing(response):
                if response.status_code == 412:
                    raise StorageUnavailable(f"{at} was replaced while it was read.")
                self.check(response, at)
                if response.status_code != 206:
                    raise StorageUnavailable(f"{at} cannot be read in parts: status {response.status_code}.")
                try:
                    # As it arrives: what a break cuts off in a half-filled chunk would have to be fetched again.
                    for chunk in response.iter_raw():
                        start += len(chunk)
                        attempt = 0
                        yield chunk
                except httpx.TransportError as error:
                    attempt += 1
                    self._give_up_or_wait(attempt, at, error)
                    continue
            if start < end:
                attempt += 1
                self._give_up_or_wait(attempt, at, httpx.ReadError("the answer was too short"))

    def put(
        self, at: Location, body: Callable[[], Iterator[bytes]], size: int, headers: Mapping[str, str] | None = None
    ) -> str:
        """Store an object and return its etag, which has been compared with the MD5 of what was sent."""
        digest = hashlib.md5(usedforsecurity=False)

        def hashed() -> Iterator[bytes]:
            nonlocal digest
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in body():
                digest.update(chunk)
                yield chunk

        everything = {"Content-Length": str(size), "Content-Type": "application/octet-stream", **(headers or {})}
        response = self.call("PUT", at, headers=everything, body=hashed)
        etag = response.headers.get("etag", "").strip('"')
        if "X-Object-Manifest" not in everything and etag != digest.hexdigest():
            raise StorageUnavailable(f"{at} arrived damaged: its checksum is not that of what was sent.")
        return etag

    def _send(self, method, at, headers, params, body) -> httpx.Response:
        request = self._http.build_request(
            method, at.url, headers=headers, params=params, content=body() if body else None
        )
        return self._http.send(request, stream=True)

    def _give_up_or_wait(self, attempt: int, at: Location, error: httpx.TransportError) -> None:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise StorageUnavailable(
                f"{at} cannot be reached: its TLS certificate is not trusted (set EASYMAKER_OBS_CA_FILE)."
            ) from error
        if attempt >= self.options.attempts:
            raise StorageUnavailable(f"{at} cannot be reached: {str(error) or type(error).__name__}.") from error
        time.sleep(_wait(attempt, None))

    def _is_trusted(self, authority: str) -> bool:
        with self._lock:
            if authority not in self._authorities:
                url = httpx.URL(f"https://{authority}")
                host = f"[{url.host}]" if ":" in url.host else url.host
                self._authorities[authority] = self.options.egress.names(host, url.port or 443)
            return self._authorities[authority]

    def _why_denied(self, status: int, at: Location) -> str:
        if not self._is_trusted(at.authority):
            return f"{at.authority} is not one of the hosts that credentials are sent to (EASYMAKER_OBS_HOSTS)"
        if status == 401:
            return "the token is missing, expired or not valid there"
        return "the token does not allow it"


def _ssl_context(options: StorageOptions) -> ssl.SSLContext:
    if options.ca_bundle is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=str(options.ca_bundle))
    except (OSError, ssl.SSLError) as error:
        raise StorageUnavailable(f"The CA file {options.ca_bundle} cannot be read: {error}.") from error


def _token_header(token: str | None) -> dict[str, str]:
    return {"X-Auth-Token": token} if token else {}


def _records(response: httpx.Response, at: Location) -> list[dict]:
    if response.status_code == 204:
        return []
    try:
        page = response.json()
    except ValueError:
        page = None
    if not isinstance(page, list) or not all(isinstance(record, dict) for record in page):
        raise StorageUnavailable(f"{at} cannot be listed: the answer is not a listing.")
    return page


def _wait(attempt: int, retry_after: str | None) -> float:
    """Seconds until the next attempt: what the server asks for, else doubling with some chance in it."""
    if retry_after and retry_after.isdigit():
        return min(float(retry_after), _MAX_WAIT_SECONDS)
    return min(0.25 * 2 ** (attempt - 1), _MAX_WAIT_SECONDS) * random.uniform(0.5, 1.0)  # noqa: S311
