"""The key under which a secret parameter lies in its Kubernetes Secret: parameter names are freer than keys may be."""

import base64
import hashlib
import re

LONGEST = 253
_ENCODED = "em."
# What Kubernetes takes, without names of two leading dots (they are its own in mounted Secrets).
_PLAIN = re.compile(r"(?!\.\.|\.$)[-._a-zA-Z0-9]{1,253}")


def secret_key(name: str) -> str:
    """The name itself where it can be a key; otherwise ``em.`` and its UTF-8 in URL-safe base64, or a digest of it
    when that is too long. Two names never share a key.
    """
    if _PLAIN.fullmatch(name) and not name.startswith(_ENCODED):
        return name
    raw = name.encode("utf-8", "surrogatepass")
    encoded = _ENCODED + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    # The dot sets digests apart: base64 has none.
    return encoded if len(encoded) <= LONGEST else f"{_ENCODED}sha256.{hashlib.sha256(raw).hexdigest()}"
