"""The Kubernetes API as a pod's service account, with the standard library: one GET and one PATCH need no client.

The token is read for each request, because Kubernetes replaces it every hour.
"""

import http.client
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from katib_suggestions.rpc.errors import NotInCluster

DIRECTORY = Path("/var/run/secrets/kubernetes.io/serviceaccount")
MERGE = "application/merge-patch+json"
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        return str(self.body.get("message") or f"HTTP {self.status}")


@dataclass(frozen=True)
class ServiceAccount:
    host: str
    port: int
    namespace: str
    directory: Path

    @classmethod
    def of_pod(cls, environment: Mapping[str, str] = os.environ, directory: Path = DIRECTORY) -> Self:
        """Raises NotInCluster outside of a pod, and in one without a service account's token."""
        try:
            namespace = (directory / "namespace").read_text("utf-8").strip()
            return cls(
                environment["KUBERNETES_SERVICE_HOST"],
                int(environment["KUBERNETES_SERVICE_PORT"]),
                namespace,
                directory,
            )
        except (OSError, KeyError, ValueError) as error:
            raise NotInCluster("the status of a trial can only be set from a pod with a service account") from error

    def request(self, method: str, path: str, seconds: float, body: Any = None, media_type: str = JSON) -> Answer:
        """Raises OSError or HTTPException when there is no answer."""
        token = (self.directory / "token").read_text("utf-8").strip()
        context = ssl.create_default_context(cafile=str(self.directory / "ca.crt"))
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=seconds, context=context)
        try:
            headers = {"Authorization": f"Bearer {token}", "Accept": JSON, "Content-Type": media_type}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return Answer(answer.status, _parsed(answer.read()))
        finally:
            connection.close()


def _parsed(body: bytes) -> dict[str, Any]:
    """Proxies answer with texts of their own."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
