"""Who calls, and what that caller may do. Identity comes from a token and never from a plain header."""

import hashlib
import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import orjson

from adapters.easymaker.errors import Unauthenticated

TOKEN_LENGTH = 512


class Role(StrEnum):
    READER = "reader"
    OWNER = "owner"


@dataclass(frozen=True)
class Principal:
    """A caller and its role in each appkey; an appkey that is not named is closed to it."""

    name: str
    roles: Mapping[str, Role]

    def role(self, appkey: str) -> Role | None:
        return self.roles.get(appkey)


class Authenticator(Protocol):
    def authenticate(self, token: str) -> Principal:
        """Raises Unauthenticated for a token that nobody issued."""
        ...


def bearer(headers: Mapping[str, str]) -> str:
    """The token of a request, from any of the headers that clients use.

    Raises:
        Unauthenticated: there is none.
    """
    token = headers.get("x-easymaker-token")
    for name in ("x-nhn-authorization", "authorization"):
        value = headers.get(name, "")
        if token is None and value.lower().startswith("bearer "):
            token = value[7:].strip()
    if not token or token == "None":  # noqa: S105 - what the SDK sends when it has no token
        raise Unauthenticated("no token: send X-EasyMaker-Token (the SDK does so when EM_TOKEN is set)")
    if len(token) > TOKEN_LENGTH:
        raise Unauthenticated("the token is not valid here")
    return token


class TokenFile:
    """Tokens of a local installation: a file of mode 0600 that holds their digests, read again when it changes."""

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
