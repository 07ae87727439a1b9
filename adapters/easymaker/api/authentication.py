"""Who calls. Identity comes from a token and never from a plain header."""

import hashlib
import hmac
import threading
from collections.abc import Mapping
from pathlib import Path

import orjson

from adapters.easymaker.access import Principal, Role
from adapters.easymaker.errors import Unauthenticated


def bearer(headers: Mapping[str, str], longest: int) -> str:
    """The token of a request, from any of the headers that clients use.

    Raises:
        Unauthenticated: there is none, or it is longer than ``longest``.
    """
    token = headers.get("x-easymaker-token")
    for name in ("x-nhn-authorization", "authorization"):
        value = headers.get(name, "")
        if token is None and value.lower().startswith("bearer "):
            token = value[7:].strip()
    if not token or token == "None":  # noqa: S105 - what the SDK sends when it has no token
        raise Unauthenticated("no token: send X-EasyMaker-Token (the SDK does so when EM_TOKEN is set)")
    if len(token) > longest:
        raise Unauthenticated("the token is not valid here")
    return token


class TokenFile:
    """Tokens of a local installation: a file of mode 0600 that holds their digests, read again when it changes."""

    longest_token = 512

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._principals: dict[str, Principal] = {}

    def authenticate(self, token: str) -> Principal:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        for known, principal in self._read().items():
            if hmac.compare_digest(known, digest):
                return principal
        raise Unauthenticated("the token is not valid here; `kubeflow-easymaker env` prints a valid one")

    def _read(self) -> dict[str, Principal]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        stamp = (found.st_mtime_ns, found.st_size)
        with self._lock:
            if stamp != self._stamp:
                entries = orjson.loads(self._path.read_bytes())
                self._principals = {
                    entry["sha256"]: Principal(
                        entry["name"], {appkey: Role(role) for appkey, role in entry["roles"].items()}
                    )
                    for entry in entries
                }
                self._stamp = stamp
            return self._principals
