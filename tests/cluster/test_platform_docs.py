"""docs/platform as a platform team follows it: every block marked bash, as it is written, against a real API server."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import NEEDED
from tests.cluster.overlay import ROOT, Json
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.crds import crd_directory
from tests.kubernetes.fixtures import required_assets
from tests.kubernetes.namespaces import collections_of

pytestmark = pytest.mark.slow

BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What the overlay for a whole Kubeflow has besides.
MESH = ("virtualservices", "authorizationpolicies.security.istio.io", "referencegrants", "profiles")
OF_OURS = ("clusterroles", "clusterrolebindings")
HARMLESS = ("ensure CRDs are installed first", "Warning: ", "No resources found", "Next: ")


def blocks(page: str) -> list[str]:
    return BLOCK.findall((ROOT / "docs/platform" / page).read_text("utf-8"))


@pytest.fixture(scope="module")
def bare() -> Iterator[ApiServerProcess]:
    """An API server of its own, with the CRDs and a namespace kubeflow: what is installed is uninstalled again."""
    assets = required_assets()
    if crd_directory() is None:
        pytest.skip("no CRDs: set EASYMAKER_CRDS, or have shared/crds beside the checkout")
    with ApiServerProcess(assets) as server:
        server.load_crds(names={*NEEDED, *MESH})
        server.request("POST", "/api/v1/namespaces", {"metadata": {"name": "kubeflow"}}).raise_for_status()
        install_katib(server)
        yield server


def install_katib(server: ApiServerProcess) -> None:
    """What preflight looks at, as Katib 0.19 brings it."""
    config = "init: {controller: {trialResources: [TrainJob.v1alpha1.trainer.kubeflow.org]}}"
    body: Json = {"metadata": {"name": "katib-config"}, "data": {"katib-config.yaml": config}}
    server.request("POST", "/api/v1/namespaces/kubeflow/configmaps", body).raise_for_status()
    rbac, meta = "/apis/rbac.authorization.k8s.io/v1", {"metadata": {"name": "katib-controller"}}
    verbs = ["create", "get", "list", "watch", "delete"]
    rules = [{"apiGroups": ["trainer.kubeflow.org"], "resources": ["trainjobs"], "verbs": verbs}]
    server.request("POST", f"{rbac}/clusterroles", meta | {"rules": rules}).raise_for_status()
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "katib-controller"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "kubeflow", "name": "katib-controller"}],
    }
    server.request("POST", f"{rbac}/clusterrolebindings", meta | binding).raise_for_status()


def run(server: ApiServerProcess, block: str, home: Path) -> str:
    """What it prints. Kubernetes before 1.21 has no policy/v1: that kubectl says so is all that may fail there."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(server.admin_kubeconfig)}
    old = server.version < (1, 21, 0)
    options = ["-uo", "pipefail"] if old else ["-euo", "pipefail"]
    done = subprocess.run(
        ["bash", *options, "-c", block], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )
    if old:
        told = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith(HARMLESS)]
        assert [line for line in told if "PodDisruptionBudget" not in line] == [], f"{block}\n{done.stderr}"
    assert done.returncode == 0 or (old and "PodDisruptionBudget" in done.stderr), (
        f"{block}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


def things(server: ApiServerProcess) -> set[str]:
    """Every object of the two namespaces, and cluster-wide roles."""
    paths = [path for namespace in ("kubeflow", "team-a") for path in collections_of(server, namespace)]
    paths += [f"/apis/rbac.authorization.k8s.io/v1/{plural}" for plural in OF_OURS]
    found: set[str] = set()
    for path in paths:
        items = server.request("GET", path).json().get("items") or []
        found |= {f"{path}/{item['metadata']['name']}" for item in items}
    return {each for each in found if "/events/" not in each}


def test_install_onboard_and_uninstall_as_documented(bare: ApiServerProcess, tmp_path: Path) -> None:
    before = things(bare)
    installing = blocks("install.md")
    assert any("preflight" in block for block in installing), "preflight has to be among what is tried"
    for block in installing:
        run(bare, block, tmp_path)
    there = things(bare) - before
    for expected in (
        "deployments/easymaker-adapter",
        "clusterroles/easymaker-adapter",
        "rolebindings/easymaker-adapter",
    ):
        assert any(each.endswith(expected) for each in there), f"{expected} is not among {sorted(there)}"
    removing = blocks("uninstall.md")
    for block in removing[:-1]:
        run(bare, block, tmp_path)
    assert run(bare, removing[-1], tmp_path) == "", "the last block of uninstall.md shows what is left"
    assert things(bare) - before == set()
