"""What memcached is to Swift, in the proxy's own memory; without it every request asks two other servers first.

Right only because one proxy process serves everything: it forgets a container's entry whenever it changes that.
"""

import json
import time

_MAX_ENTRIES = 10_000


class MemoryCache:
    """The part of Swift's MemcacheRing that the proxy calls; like that, it keeps copies and not the objects."""

    def __init__(self, clock=time.monotonic) -> None:
        self._entries: dict[str, tuple[float, str]] = {}
        self._clock = clock

    def get(self, key, raise_on_error=False):
        until, text = self._entries.get(key, (0.0, "null"))
        if self._clock() >= until:
            self._entries.pop(key, None)
            return None
        return json.loads(text)

    def set(self, key, value, serialize=True, time=0, min_compress_len=0, raise_on_error=False):
        if len(self._entries) >= _MAX_ENTRIES:
            self._entries.clear()
        self._entries[key] = (self._clock() + time, json.dumps(value))

    def delete(self, key, server_key=None):
        self._entries.pop(key, None)


class MemoryCacheFilter:
    def __init__(self, app) -> None:
        self._app = app
        self._cache = MemoryCache()

    def __call__(self, env, start_response):
        env["swift.cache"] = self._cache
        return self._app(env, start_response)


def filter_factory(global_conf, **local_conf):
    return MemoryCacheFilter
