"""Apply what ``kubectl kustomize`` renders to a real API server, as a platform team does, and grant roles to users."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.api_server import ApiServerProcess

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = ROOT / "manifests/overlays/standalone"
TENANT = ROOT / "manifests/components/tenant"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
Json = dict[str, Any]


def rendered(directory: Path) -> list[Json]:
    """The documents of a kustomization."""
    done = subprocess.run(["kubectl", "kustomize", str(directory)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


class Served:
    """Which types a server knows. One that is older than a manifest's version cannot take it."""

    def __init__(self, server: ApiServerProcess) -> None:
        self._server = server
        self._known: dict[str, dict[str, Json]] = {}

    def path(self, manifest: Json, namespace: str | None) -> str | None:
        version = manifest["apiVersion"]
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if version not in self._known:
            answer = self._server.request("GET", prefix)
            found = answer.json()["resources"] if answer.status_code == 200 else []
            self._known[version] = {each["kind"]: each for each in found if "/" not in each["name"]}
        resource = self._known[version].get(manifest["kind"])
        if resource is None:
            return None
        place = manifest["metadata"].get("namespace") or namespace
        middle = f"/namespaces/{place}" if resource["namespaced"] else ""
        return f"{prefix}{middle}/{resource['name']}/{manifest['metadata']['name']}"


def apply_all(server: ApiServerProcess, directory: Path, namespace: str | None = None) -> list[str]:
    """Returns the kinds that the server does not serve; everything else has been applied by kubectl."""
    served = Served(server)
    documents = rendered(directory)
    left_out = [each for each in documents if served.path(each, namespace) is None]
    command = ["kubectl", "--kubeconfig", str(server.admin_kubeconfig), "apply", "-f", "-"]
    if namespace is not None:
        command += ["--namespace", namespace]
    manifests = yaml.safe_dump_all([each for each in documents if each not in left_out])
    done = subprocess.run(command, input=manifests, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return [f"{each['apiVersion']} {each['kind']}" for each in left_out]


def bind(server: ApiServerProcess, namespace: str, role: str, account: str) -> None:
    """Give a service account of the namespace a ClusterRole there."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{role}-{account}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
    server.apply(f"{RBAC}/namespaces/{namespace}/rolebindings/{role}-{account}", binding, manager="kubectl")
