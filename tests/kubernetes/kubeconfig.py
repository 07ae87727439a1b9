"""A kubeconfig that holds everything itself: the authority's certificate, and a client certificate or a token."""

import base64
import json
from pathlib import Path

from tests.kubernetes.certificates import KeyPair


def kubeconfig_text(url: str, ca_file: Path, identity: KeyPair | str) -> str:
    """JSON, which every reader of YAML takes."""
    if isinstance(identity, str):
        user = {"token": identity}
    else:
        user = {"client-certificate-data": _encoded(identity.certificate), "client-key-data": _encoded(identity.key)}
    return json.dumps({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "envtest", "cluster": {"server": url, "certificate-authority-data": _encoded(ca_file)}}],
        "users": [{"name": "envtest", "user": user}],
        "contexts": [{"name": "envtest", "context": {"cluster": "envtest", "user": "envtest"}}],
        "current-context": "envtest",
    })  # fmt: skip


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
