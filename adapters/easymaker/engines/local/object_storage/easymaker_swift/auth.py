"""Swift proxy filter: a signed token opens the account of its tenant and no other.

``authorize`` judges by REMOTE_USER, because that is what Swift carries over to the sub-requests that it makes for the
segments of a large object. Nobody is ever ``swift_owner``: container ACLs, sync keys and the like can not be set.
"""

import time
from pathlib import Path

from easymaker_swift.tokens import TokenRejected, verify
from swift.common.swob import HTTPForbidden, HTTPUnauthorized
from swift.common.utils import split_path

_READ_METHODS = frozenset({"GET", "HEAD"})
_ACCOUNT_PREFIX = "AUTH_"


class SignedTokenAuth:
    def __init__(self, app, key: bytes) -> None:
        self._app = app
        self._key = key

    def __call__(self, env, start_response):
        # Set on every request: Swift serves a request without an authorize function to anybody.
        env["swift.authorize"] = _unauthenticated
        env.pop("REMOTE_USER", None)
        token = env.get("HTTP_X_AUTH_TOKEN") or env.get("HTTP_X_STORAGE_TOKEN")
        if token:
            try:
                claims = verify(self._key, token, time.time())
            except TokenRejected:
                return HTTPUnauthorized()(env, start_response)
            env["REMOTE_USER"] = f"{claims.scope} {claims.tenant} {claims.principal}"
            env["swift.authorize"] = _authorize
        return self._app(env, start_response)


def _unauthenticated(req):
    return HTTPUnauthorized(request=req)


def _authorize(req):
    """None lets the request through, as Swift wants it; anything else is the answer."""
    if not req.remote_user:
        return HTTPUnauthorized(request=req)
    scope, tenant, _principal = req.remote_user.split(" ", 2)
    try:
        _version, account, _container, _object = split_path(req.path, 1, 4, True)
    except ValueError:
        return HTTPForbidden(request=req)
    if account != _ACCOUNT_PREFIX + tenant:
        return HTTPForbidden(request=req)
    if scope != "write" and req.method not in _READ_METHODS:
        return HTTPForbidden(request=req)
    return None


def filter_factory(global_conf, **local_conf):
    key = Path(local_conf["key_file"]).read_bytes()

    def factory(app):
        return SignedTokenAuth(app, key)

    return factory
