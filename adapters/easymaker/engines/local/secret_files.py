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
    """Ids are unique over all appkeys, so that files need no more than them."""

    def __init__(self, home: LocalHome) -> None:
        self._home = home
        self._directory = home.secrets / "resources"

    def put(self, appkey: str, resource_id: str, values: Mapping[str, str]) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(self._directory / f"{resource_id}.json", orjson.dumps(dict(values)))

    def get(self, appkey: str, resource_id: str) -> Mapping[str, str]:
        """The values by name; empty when there are none."""
        try:
            return orjson.loads((self._directory / f"{resource_id}.json").read_bytes())
        except FileNotFoundError:
            return {}

    def delete(self, appkey: str, resource_id: str) -> None:
        self._delete(resource_id)

    def _delete(self, resource_id: str) -> None:
        (self._directory / f"{resource_id}.json").unlink(missing_ok=True)

    def fingerprint(self, content: bytes) -> str:
        return hmac.new(self._home.secret(KEY), content, hashlib.sha256).hexdigest()

    def delete_orphans(self, known: Callable[[Collection[str]], Collection[str]], appkeys: Collection[str]) -> int:
        before = time.time() - ORPHAN_SECONDS
        old = {path.stem for path in self._directory.glob("*.json") if path.stat().st_mtime < before}
        orphans = old - set(known(old)) if old else set[str]()
        for resource_id in orphans:
            self._delete(resource_id)
        return len(orphans)
