"""Object-storage tokens as the adapter uses them; the format itself lives where Swift can import it as well."""

import hashlib

from adapters.easymaker.engines.local.object_storage.easymaker_swift.tokens import (
    Claims,
    Scope,
    TokenRejected,
    mint,
    verify,
)

__all__ = ["Claims", "Scope", "TokenRejected", "mint", "tenant_of", "verify"]


def tenant_of(appkey: str) -> str:
    """The tenant (account) that holds an appkey's objects: 32 hex digits, so that it fits ``AUTH_{tenant}``."""
    return hashlib.sha256(appkey.encode()).hexdigest()[:32]
