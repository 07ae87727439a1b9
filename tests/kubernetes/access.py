"""Grants and access questions on a test API server, as its admin."""

import time
from typing import Any

from tests.kubernetes.api_server import ApiServerProcess

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_IN_FORCE_SECONDS = 60


def grant(server: ApiServerProcess, namespace: str, account: str, *rules: dict[str, list[str]]) -> None:
    """A Role with these rules, in the namespace and only there, for its service account, once it is in force."""
    name = {"metadata": {"name": account}}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
    home = f"{_RBAC}/namespaces/{namespace}"
    server.request("POST", f"{home}/roles", {**name, "rules": rules}).raise_for_status()
    binding = {**name, "roleRef": role, "subjects": [subject]}
    server.request("POST", f"{home}/rolebindings", binding).raise_for_status()
    # The server's authorizer learns of new bindings by a watch of its own.
    deadline = time.monotonic() + _IN_FORCE_SECONDS
    for rule in rules:
        asked = {"group": rule["apiGroups"][0], "resource": rule["resources"][0], "verb": rule["verbs"][0]}
        if "resourceNames" in rule:
            asked["name"] = rule["resourceNames"][0]
        while not may(server, f"system:serviceaccount:{namespace}:{account}", {**asked, "namespace": namespace}):
            assert time.monotonic() < deadline, f"{rule} is not in force for {account} in {namespace}"
            time.sleep(0.02)


def token_review(server: ApiServerProcess, token: str) -> dict[str, Any]:
    body = {"spec": {"token": token}}
    return (
        server.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body).raise_for_status().json()["status"]
    )


def may(server: ApiServerProcess, user: str, attributes: dict[str, str]) -> bool:
    body = {"spec": {"user": user, "resourceAttributes": attributes}}
    answer = server.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body).raise_for_status()
    return answer.json()["status"]["allowed"]
