"""Storage as the adapter itself uses it on behalf of an appkey, beside what jobs get."""

import time
from dataclasses import dataclass

from adapters.easymaker.engines.local.job_access import JobAccess
from adapters.easymaker.engines.local.object_storage.tokens import tenant_of
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from kserve_runtimes.storage import (
    InvalidStorageUri,
    StorageDenied,
    StorageError,
    StorageNotFound,
    StorageOptions,
)

DAY = 24 * 3600.0


@dataclass(frozen=True)
class Access(JobAccess):
    def options(self, appkey: str) -> StorageOptions:
        """Storage as the appkey's jobs see it, for use inside the adapter."""
        path = self.home.secrets / f"storage-{tenant_of(appkey)}"
        if not path.exists() or path.stat().st_mtime < time.time() - DAY / 2:
            self._write_token(path, appkey, DAY)
        return StorageOptions(
            obs_token_file=path,
            ca_bundle=self.ca_file,
            nas_root=self.home.nas_of(appkey),
            allowed_hosts=(self.object_storage,),
        )


def engine_error(error: StorageError | InvalidStorageUri) -> PermanentEngineError | TemporaryEngineError:
    """Whether trying again can help."""
    if isinstance(error, StorageNotFound | StorageDenied | InvalidStorageUri):
        return PermanentEngineError(str(error))
    return TemporaryEngineError(str(error), retry_after=3.0)
