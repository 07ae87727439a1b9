"""Access to object storage for a step: what the environment configures, or a token from the EasyMaker API.

An operator's settings (EASYMAKER_OBS_TOKEN_FILE and its kin) win. Without them, and with an API and EASYMAKER_OBS_URI
as `kubeflow-easymaker env` sets them, the step asks for a token as the SDK does, and keeps it fresh in a private file.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from kfp_components.easymaker.easymaker_api.client import EasyMakerApi
from kfp_components.easymaker.easymaker_api.errors import ApiError
from kfp_components.easymaker.easymaker_api.settings import ApiSettings
from kserve_runtimes.storage.options import StorageOptions

# Where pipelines mount volumes for nas://, unless EASYMAKER_NAS_ROOT says otherwise.
NAS_MOUNT = "/mnt/easymaker/nas"
_CONFIGURED = ("EASYMAKER_OBS_TOKEN_FILE", "EASYMAKER_OBS_IDENTITY_URL")
# A token is renewed when this part of its life is over, and after a failed attempt this often.
_RENEW_AT = 0.7
_AGAIN_SECONDS = 60.0


@contextmanager
def storage_environment(environ: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """The variables with which storage works, for StorageOptions and for a launcher; good within the block."""
    given = dict(os.environ if environ is None else environ)
    if not given.get("EASYMAKER_NAS_ROOT") and Path(NAS_MOUNT).is_dir():
        given["EASYMAKER_NAS_ROOT"] = NAS_MOUNT
    settings = ApiSettings.found_in(given)
    storage = urlsplit(given.get("EASYMAKER_OBS_URI", ""))
    if settings is None or not storage.netloc or any(given.get(name) for name in _CONFIGURED):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="easymaker-token-") as directory, EasyMakerApi(settings) as api:
        token = _FreshToken(api, given.get("EM_GROUP_ID") or "local", Path(directory) / "token")
        token.start()
        try:
            hosts = {"EASYMAKER_OBS_HOSTS": storage.netloc}
            yield hosts | given | {"EASYMAKER_OBS_TOKEN_FILE": str(token.path)}
        finally:
            token.stop()


@contextmanager
def storage_options(environ: Mapping[str, str] | None = None) -> Iterator[StorageOptions]:
    with storage_environment(environ) as variables:
        yield StorageOptions.from_env(variables)


class _FreshToken:
    """Readers read the file again when it has changed, so a training may last longer than a token."""

    def __init__(self, api: EasyMakerApi, group: str, path: Path) -> None:
        self.path = path
        self._api = api
        self._group = group
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="storage token", daemon=True)
        self._life = 0.0

    def start(self) -> None:
        """Raises ApiError when there is no token to be had."""
        self._fetch()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        pause = self._life * _RENEW_AT
        while not self._ended.wait(max(pause, 1.0)):
            try:
                self._fetch()
                pause = self._life * _RENEW_AT
            except ApiError:
                pause = _AGAIN_SECONDS

    def _fetch(self) -> None:
        token = self._api.storage_token(self._group)
        partial = self.path.with_name("partial")
        partial.touch(mode=0o600)
        partial.write_text(token["id"], encoding="utf-8")
        partial.replace(self.path)
        self._life = datetime.fromisoformat(token["expires"]).timestamp() - time.time()
