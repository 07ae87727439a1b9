"""Where a stage resource's pods are reached from a gateway: names of its InferenceService and Service. Pure."""

import base64
import hashlib
from dataclasses import dataclass

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.names import object_name

PORT = 80
# As long as the local gateway waits for a prediction.
TIMEOUT = "300s"
_LETTERS = 13


@dataclass(frozen=True)
class Backend:
    """``host_header`` is what the service tells models apart by; None where it serves one only.

    ``foreign``: it is not in the namespace of the routes.
    """

    service: str
    namespace: str
    host_header: str | None
    foreign: bool

    @property
    def host(self) -> str:
        """The service's name anywhere in the cluster."""
        return f"{self.service}.{self.namespace}.svc.cluster.local"


def service_name(resource_id: str) -> str:
    """The name of a stage resource's InferenceService.

    Not the whole id: KServe makes a host name of it whose first label is ``{name}-predictor-{namespace}``, and refuses
    one of more than 63 characters. 13 letters (65 bits) leave 36 to the namespace.
    """
    digest = base64.b32encode(hashlib.sha256(resource_id.encode()).digest()).decode().lower()
    return object_name(digest[:_LETTERS])


def predictor(resource_id: str) -> str:
    """The Service (and on Knative the Knative service) that KServe makes for it."""
    return f"{service_name(resource_id)}-predictor"


def backend(resource_id: str, namespace: str, cluster: ClusterSettings) -> Backend:
    if cluster.serving_mode == "RawDeployment":
        return Backend(predictor(resource_id), namespace, None, foreign=False)
    gateway_namespace, gateway = cluster.knative_gateway.split("/")
    host = f"{predictor(resource_id)}.{namespace}.svc.cluster.local"
    return Backend(gateway, gateway_namespace, host, foreign=gateway_namespace != namespace)
