"""An adapter with the cluster engine as a process, over a real API server: as its own service account, not as admin."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.easymaker.store.embedded import EmbeddedPostgres
from tests.conftest import Installation, free_ports
from tests.kubernetes.api_server import ApiServerProcess

ADAPTER = "easymaker-adapter"
HOME = "kubeflow"
GROUP = "easymaker.kubeflow.org"


@dataclass
class ClusterInstallation(Installation):
    """``profile`` is the appkey of its users; ``tokens`` are those of service accounts, by who they are."""

    server: ApiServerProcess | None = None
    profile: str = ""
    kubeconfig: Path = Path()
    tokens: dict[str, str] = field(default_factory=dict)
    database_url: str = ""

    @classmethod
    def over(cls, server: ApiServerProcess, profile: str) -> "ClusterInstallation":
        """Not started, and without any right on the cluster: the manifests give them, see overlay.py."""
        home = Path(tempfile.mkdtemp(prefix="em-")) / "home"
        home.mkdir()
        url = EmbeddedPostgres(home / "postgres").start()
        adapter = server.service_account_token(HOME, ADAPTER)
        tokens = {who: server.service_account_token(profile, who) for who in ("owner", "reader", "stranger")}
        made = cls(home, *free_ports(3), server=server, profile=profile, tokens=tokens, database_url=url)
        made.kubeconfig = server.kubeconfig_with_token(adapter)
        return made

    def through(self, url: str) -> None:
        """Reach the API server at another address, such as a proxy's."""
        assert self.server is not None
        adapter = self.server.service_account_token(HOME, ADAPTER)
        self.kubeconfig = self.server.kubeconfig_with_token(adapter, url)

    def environment(self, **settings: Any) -> dict[str, str]:
        own = {
            "engine": "cluster",
            "database_url": self.database_url,
            "cluster_kubeconfig": self.kubeconfig,
            "cluster_gateway": f"{HOME}/easymaker-gateway",
        }
        return super().environment(**(own | settings))

    def headers(self, name: str = "owner") -> dict[str, str]:
        return {"X-EasyMaker-Token": self.tokens[name]}

    def api(self, appkey: str = "", who: str = "owner"):
        return super().api(appkey or self.profile, who)

    def destroy(self) -> None:
        self.kill()
        EmbeddedPostgres(self.home / "postgres").stop()
        shutil.rmtree(self.home.parent, ignore_errors=True)
