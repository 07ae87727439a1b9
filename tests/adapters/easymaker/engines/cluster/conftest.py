"""The cluster engine's parts over a real API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.connection import Credentials
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fixtures import api_server, crds, namespace

__all__ = ["api_server", "crds", "namespace"]


def client(kubeconfig: Path) -> ApiServer:
    return ApiServer(Credentials(ClusterSettings(kubeconfig=kubeconfig)))


@pytest.fixture
def server(api_server: ApiServerProcess) -> Iterator[ApiServer]:
    """As a cluster administrator."""
    opened = client(api_server.admin_kubeconfig)
    yield opened
    opened.close()
