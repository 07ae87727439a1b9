"""The token for an object storage: from a file that somebody renews, or from an identity service."""

import threading
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from .errors import StorageDenied, StorageUnavailable
from .options import Identity, StorageOptions

_RENEW_BEFORE_SECONDS = 600.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Credentials:
    """Thread-safe; ``token`` is None when nothing is configured."""

    def __init__(self, options: StorageOptions, client: httpx.Client) -> None:
        self._options = options
        self._client = client
        self._lock = threading.Lock()
        self._token: str | None = None
        self._expires_at = 0.0
        self._stamp: tuple[int, int] | None = None

    def token(self) -> str | None:
        with self._lock:
            if self._options.obs_token_file is not None:
                self._read_file()
            elif self._options.obs_identity is not None and time.time() > self._expires_at - _RENEW_BEFORE_SECONDS:
                self._ask(self._options.obs_identity)
            return self._token

    def renewed(self, rejected: str | None) -> str | None:
        """A token other than the one that the storage has just refused, or None."""
        with self._lock:
            if self._options.obs_token_file is not None:
                self._stamp = None
                self._read_file()
            elif self._options.obs_identity is not None and self._token == rejected:
                self._ask(self._options.obs_identity)
            return self._token if self._token != rejected else None

    def _read_file(self) -> None:
        path = self._options.obs_token_file
        assert path is not None
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._token = path.read_text().strip() or None
                self._stamp = stamp
        except OSError as error:
            raise StorageDenied(f"The token file {path} cannot be read: {error.strerror}.") from error

    def _ask(self, identity: Identity) -> None:
        url = identity.url.rstrip("/").removesuffix("/tokens") + "/tokens"
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise StorageDenied(f"The identity service {url} must be reached over HTTPS: it is sent a password.")
        try:
            password = identity.password_file.read_text().rstrip("\n")
        except OSError as error:
            raise StorageDenied(
                f"The password file {identity.password_file} cannot be read: {error.strerror}."
            ) from error
        body = {"tenantId": identity.tenant_id}
        body |= {"passwordCredentials": {"username": identity.username, "password": password}}
        try:
            response = self._client.post(url, json={"auth": body})
        except httpx.HTTPError as error:
            raise StorageUnavailable(f"The identity service {url} does not answer ({type(error).__name__}).") from error
        if response.status_code >= 500 or response.status_code == 429:
            raise StorageUnavailable(f"The identity service {url} answered {response.status_code}.")
        self._token, self._expires_at = _token_of(response, url)


def _token_of(response: httpx.Response, url: str) -> tuple[str, float]:
    if not response.is_success:
        raise StorageDenied(f"The identity service {url} refused the user name and password ({response.status_code}).")
    try:
        token = response.json()["access"]["token"]
        return str(token["id"]), _timestamp(token["expires"])
    except (ValueError, KeyError, TypeError) as error:
        raise StorageUnavailable(f"The identity service {url} answered without a token.") from error


def _timestamp(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
