"""Fixtures over a real API server, for every test directory that needs one: import them in its conftest.

Each pytest process has a server of its own, for all directories: no test sees the objects of another process. To start
one and to load CRDs takes half a minute of a core, so what a test changes beyond its own namespace it changes back.
"""

import os
import uuid
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.assets.installed import installed_assets
from tests.kubernetes.crds import crd_directory
from tests.kubernetes.namespaces import create_namespace, delete_namespace

WANTED = "EASYMAKER_API_SERVER_TESTS"
LoadCrds = Callable[[Collection[str] | None], list[str]]


def required_assets() -> Path:
    """Skips without the binaries, which ``make test`` finds, downloads or builds unless it is told not to."""
    assets = None if os.environ.get(WANTED) == "0" else installed_assets()
    if assets is None:
        pytest.skip(f"no kube-apiserver and etcd here, or {WANTED}=0: run `make envtest`, or set KUBEBUILDER_ASSETS")
    return assets


_SHARED = pytest.StashKey[ApiServerProcess]()


@pytest.fixture(scope="session")
def api_server(pytestconfig: pytest.Config) -> ApiServerProcess:
    """One, although each conftest that imports this has a fixture of its own; it ends with the process."""
    if _SHARED not in pytestconfig.stash:
        pytestconfig.stash[_SHARED] = ApiServerProcess(required_assets()).start()
        pytestconfig.add_cleanup(pytestconfig.stash[_SHARED].stop)
    return pytestconfig.stash[_SHARED]


@pytest.fixture
def namespace(api_server: ApiServerProcess) -> Iterator[str]:
    """A fresh one for each test, gone with all its objects afterwards."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    create_namespace(api_server, name)
    yield name
    delete_namespace(api_server, name)


@pytest.fixture(scope="session")
def crds(api_server: ApiServerProcess) -> LoadCrds:
    """``crds({"trainjobs", "kserve"})`` loads these by plural, full name, group or directory; ``crds(None)`` all."""
    if crd_directory() is None:
        pytest.skip("no CRDs: set EASYMAKER_CRDS, or have shared/crds beside the checkout")
    return lambda names: api_server.load_crds(names=names)
