"""Signed object-storage tokens: whoever holds the key can mint and verify them, so no token is stored anywhere.

``v1.<payload>.<mac>`` in URL-safe base64; the MAC (HMAC-SHA256) covers the version and the payload. Pure code.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Literal

Scope = Literal["read", "write"]

_VERSION = "v1"
_CONTEXT = b"kubeflow-easymaker object storage token\0"
_MAX_LENGTH = 2048
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PRINCIPAL = re.compile(r"[A-Za-z0-9._@-]{1,128}")
MIN_KEY_BYTES = 32


class TokenRejected(Exception):
    """The token is malformed, forged or expired; ``str(error)`` never holds the token."""


@dataclass(frozen=True)
class Claims:
    tenant: str
    principal: str
    expires_at: float
    scope: Scope


def mint(key: bytes, tenant: str, principal: str, expires_at: float, scope: Scope = "write") -> str:
    """A token that lets ``principal`` into the account of ``tenant`` until ``expires_at`` (seconds since the epoch)."""
    _check_key(key)
    if not _TENANT.fullmatch(tenant):
        raise ValueError("a tenant is 1 to 64 letters, digits, '-' or '_'")
    if not _PRINCIPAL.fullmatch(principal):
        raise ValueError("a principal is 1 to 128 letters, digits, '.', '_', '@' or '-'")
    if scope not in ("read", "write"):
        raise ValueError("a scope is 'read' or 'write'")
    claims = {"tenant": tenant, "principal": principal, "expires": float(expires_at), "scope": scope}
    payload = _encode(json.dumps(claims, separators=(",", ":")).encode())
    return f"{_VERSION}.{payload}.{_encode(_mac(key, payload))}"


def verify(key: bytes, token: str, now: float) -> Claims:
    """The claims of a token minted with ``key``; raises TokenRejected otherwise."""
    _check_key(key)
    parts = token.split(".")
    if len(token) > _MAX_LENGTH or len(parts) != 3 or parts[0] != _VERSION:
        raise TokenRejected("not a token of this object storage")
    if not hmac.compare_digest(_decode(parts[2]), _mac(key, parts[1])):
        raise TokenRejected("the token's signature is wrong")
    # Past this point the payload is what mint() wrote.
    fields = json.loads(_decode(parts[1]))
    claims = Claims(fields["tenant"], fields["principal"], fields["expires"], fields["scope"])
    # Written this way round, a NaN is expired too.
    if not now < claims.expires_at:
        raise TokenRejected("the token has expired")
    return claims


def _check_key(key: bytes) -> None:
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"a token key has at least {MIN_KEY_BYTES} bytes")


def _mac(key: bytes, payload: str) -> bytes:
    return hmac.new(key, _CONTEXT + f"{_VERSION}.{payload}".encode(errors="surrogatepass"), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise TokenRejected("not a token of this object storage") from None
