"""Secret values on one machine: a file of mode 0600 per resource, in a directory that no job and no server can see."""

import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Mapping

import orjson

from adapters.easymaker.engines.local.home import LocalHome, write_secret

KEY = "request.key"
# A younger file can belong to a request whose transaction is not committed yet.
ORPHAN_SECONDS = 3600.0


class SecretFiles:
    def __init__(self, home: LocalHome) -> None:
        self._home = home
        self._directory = home.secrets / "resources"

    def put(self, resource_id: str, values: Mapping[str, str]) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(self._directory / f"{resource_id}.json", orjson.dumps(dict(values)))

    def get(self, resource_id: str) -> Mapping[str, str]:
        try:
            return orjson.loads((self._directory / f"{resource_id}.json").read_bytes())
        except FileNotFoundError:
            return {}

    def delete(self, resource_id: str) -> None:
        (self._directory / f"{resource_id}.json").unlink(missing_ok=True)

    def fingerprint(self, content: bytes) -> str:
        return hmac.new(self._home.secret(KEY), content, hashlib.sha256).hexdigest()

    def delete_orphans(self, known: Callable[[Collection[str]], Collection[str]]) -> int:
        """Delete what a crash between writing a file and committing its resource has left; returns how many."""
        before = time.time() - ORPHAN_SECONDS
        old = {path.stem for path in self._directory.glob("*.json") if path.stat().st_mtime < before}
        orphans = old - set(known(old)) if old else set[str]()
        for resource_id in orphans:
            self.delete(resource_id)
        return len(orphans)
