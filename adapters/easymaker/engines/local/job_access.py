"""What a job needs to reach its owner's storage, and nothing of anybody else's."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.engines.local.home import LocalHome, write_secret
from adapters.easymaker.engines.local.object_storage.tokens import mint, tenant_of
from adapters.easymaker.engines.local.processes.sandbox import Sandbox

TOKEN_FILE = "storage-token"  # noqa: S105 - a file name
PRIVATE = (".ssh", ".aws", ".kube", ".netrc", ".config/gcloud", ".docker")
# Where packages come from is the operator's setting, also for the requirements.txt of a training.
PACKAGE_SETTINGS = re.compile(r"UV_.*|PIP_.*|SSL_CERT_.*|.*_proxy", re.IGNORECASE)


@dataclass(frozen=True)
class JobAccess:
    """``object_storage`` is HOST:PORT of the local object storage behind its TLS, ``ca_file`` the local CA."""

    home: LocalHome
    token_key_file: Path
    object_storage: str
    ca_file: Path

    @property
    def token_key(self) -> bytes:
        return self.token_key_file.read_bytes()

    def environment(self, appkey: str, directory: Path, seconds: float) -> dict[str, str]:
        """Variables for a launcher; its token, good for ``seconds``, is put into ``directory``."""
        token = directory / TOKEN_FILE
        self._write_token(token, appkey, seconds)
        settings = package_settings()
        # Without it every requirements.txt would be downloaded anew, since a job has a home of its own.
        settings.setdefault("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
        return settings | {
            "EASYMAKER_OBS_TOKEN_FILE": str(token),
            "EASYMAKER_OBS_CA_FILE": str(self.ca_file),
            "EASYMAKER_OBS_HOSTS": self.object_storage,
            "EASYMAKER_NAS_ROOT": str(self.home.nas_of(appkey)),
        }

    def sandbox(self, readable: tuple[Path, ...], writable: tuple[Path, ...]) -> Sandbox:
        """Hides all local state but what is named, and the private files of whoever runs the adapter."""
        private = tuple(Path.home() / name for name in PRIVATE)
        return Sandbox(
            readable=(self.ca_file, *readable),
            writable=writable,
            hidden=(self.home.root, self.home.nas, *private),
        )

    def _write_token(self, path: Path, appkey: str, seconds: float) -> None:
        token = mint(self.token_key, tenant_of(appkey), f"appkey-{appkey}", time.time() + seconds)
        write_secret(path, token.encode())


def package_settings() -> dict[str, str]:
    """The operator's, from the environment of this process."""
    return {name: value for name, value in os.environ.items() if PACKAGE_SETTINGS.fullmatch(name)}
