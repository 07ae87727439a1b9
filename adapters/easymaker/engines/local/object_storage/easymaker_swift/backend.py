"""Swift's account, container and object servers trust whoever reaches their port; on a machine where users' jobs run
too, that may only be Swift itself. Each process of ours adds a secret header to its calls and refuses calls without.
"""

import hmac
from pathlib import Path

from swift.common import bufferedhttp
from swift.common.swob import HTTPForbidden

_HEADER = "X-Easymaker-Backend-Key"
_ENVIRON = "HTTP_X_EASYMAKER_BACKEND_KEY"


def send_key(key: str) -> None:
    """Add the key to every request that this process makes to another Swift server."""
    original = bufferedhttp.BufferedHTTPConnection.putrequest

    def putrequest(self, method, url, skip_host=0, skip_accept_encoding=0):
        original(self, method, url, skip_host, skip_accept_encoding)
        self.putheader(_HEADER, key)

    bufferedhttp.BufferedHTTPConnection.putrequest = putrequest


class RequireKey:
    def __init__(self, app, key: str) -> None:
        self._app = app
        self._key = key.encode()

    def __call__(self, env, start_response):
        # Popped, so that no server stores or logs it.
        given = env.pop(_ENVIRON, "").encode("latin-1")
        if not hmac.compare_digest(given, self._key):
            return HTTPForbidden()(env, start_response)
        return self._app(env, start_response)


def read_key(path: str) -> str:
    return Path(path).read_text().strip()


def filter_factory(global_conf, **local_conf):
    key = read_key(local_conf["key_file"])

    def factory(app):
        return RequireKey(app, key)

    return factory
