"""A Kubeflow without its controllers: real API server, CRDs, our manifests, one profile; and an adapter on it."""

import uuid
from collections.abc import Generator, Iterator

import pytest

from tests.cluster.controllers import Controllers
from tests.cluster.explaining import explained
from tests.cluster.installation import HOME, ClusterInstallation
from tests.cluster.overlay import OVERLAY, TENANT, apply_all, bind
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fixtures import LoadCrds, api_server, crds
from tests.kubernetes.namespaces import create_namespace, delete_namespace

__all__ = ["api_server", "crds"]

NEEDED = (
    "trainjobs", "clustertrainingruntimes", "experiments", "trials", "suggestions",
    "inferenceservices", "clusterservingruntimes", "clusterstoragecontainers",
    "httproutes", "gateways", "tensorboards",
)  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what has become of its resources, while they are still there."""
    report = yield
    made = item.funcargs.get("cluster")
    if report.when == "call" and report.failed and isinstance(made, ClusterInstallation):
        report.sections.append(("the cluster", explained(made)))
    return report


@pytest.fixture(scope="session")
def kubeflow(api_server: ApiServerProcess, crds: LoadCrds) -> ApiServerProcess:
    """With the overlay applied by an administrator, as docs/platform/install.md says."""
    crds(NEEDED)
    create_namespace(api_server, HOME, {"kubernetes.io/metadata.name": HOME})
    left_out = apply_all(api_server, OVERLAY)
    # Kubernetes 1.20 has no policy/v1 yet.
    assert set(left_out) <= {"policy/v1 PodDisruptionBudget"}, left_out
    return api_server


@pytest.fixture
def profile(kubeflow: ApiServerProcess) -> Iterator[str]:
    """A profile namespace with what a tenant needs, and an owner, a reader and a stranger."""
    name = f"team-{uuid.uuid4().hex[:8]}"
    create_namespace(kubeflow, name)
    assert apply_all(kubeflow, TENANT, name) == []
    bind(kubeflow, name, "easymaker-edit", "owner")
    bind(kubeflow, name, "easymaker-view", "reader")
    yield name
    delete_namespace(kubeflow, name)


@pytest.fixture
def controllers(kubeflow: ApiServerProcess) -> Iterator[Controllers]:
    with Controllers(kubeflow) as played:
        yield played


@pytest.fixture
def cluster(kubeflow: ApiServerProcess, profile: str) -> Iterator[ClusterInstallation]:
    """Not started."""
    made = ClusterInstallation.over(kubeflow, profile)
    yield made
    made.destroy()
