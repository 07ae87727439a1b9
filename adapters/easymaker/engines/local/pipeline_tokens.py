"""What steps of a pipeline run call this API with: a token of their run, good for its appkey until the run has ended.

A token follows from the run's id and a secret, so that a repeated start gives the same one; a file says that it is
good, and for what. Neither can be read by jobs.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.access import Authenticator, Principal, Role
from adapters.easymaker.engines.local.home import LocalHome, write_secret
from adapters.easymaker.errors import Unauthenticated

KEY = "pipeline-runs.key"
_TOKEN = re.compile(r"run\.([0-9a-f-]{36})\.([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class RunTokens:
    home: LocalHome

    def issue(self, run_id: str, appkey: str) -> str:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(self._directory / run_id, appkey.encode())
        return self._token(run_id)

    def revoke(self, run_id: str) -> None:
        """Also what an adapter that was killed while it issued the token has left."""
        for path in (self._directory / run_id, *self._directory.glob(f".{run_id}.*")):
            path.unlink(missing_ok=True)

    def principal(self, token: str) -> Principal | None:
        """The run as a caller; None for anything that is no token of a run that goes on."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        run_id = found[1]
        try:
            appkey = (self._directory / run_id).read_text()
        except FileNotFoundError:
            return None
        if not hmac.compare_digest(token, self._token(run_id)):
            return None
        return Principal(f"pipeline-run-{run_id}", {appkey: Role.OWNER})

    @property
    def _directory(self) -> Path:
        return self.home.secrets / "pipeline-runs"

    def _token(self, run_id: str) -> str:
        signature = hmac.new(self.home.secret(KEY), run_id.encode(), hashlib.sha256).hexdigest()
        return f"run.{run_id}.{signature}"


@dataclass(frozen=True)
class RunsAndOthers:
    """Knows the runs' tokens, and asks ``others`` about the rest."""

    runs: RunTokens
    others: Authenticator

    @property
    def longest_token(self) -> int:
        return self.others.longest_token

    def authenticate(self, token: str) -> Principal:
        principal = self.runs.principal(token)
        if principal is not None:
            return principal
        if _TOKEN.fullmatch(token):
            raise Unauthenticated("the token of a pipeline run is good while the run goes on")
        return self.others.authenticate(token)
