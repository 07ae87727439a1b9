"""Where the API server is and who we are to it: a kubeconfig, or the pod's own service account."""

import os
import ssl
import threading
from dataclasses import dataclass

from kubernetes import config
from kubernetes.client import Configuration
from kubernetes.config.config_exception import ConfigException

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.errors import EasyMakerError

AUTHORIZATION = "authorization"


class ConnectionUnknown(EasyMakerError):
    """There is no usable kubeconfig and no service account; the message says what was looked for."""


@dataclass(frozen=True)
class Server:
    """``verify`` is an SSL context, or False where the kubeconfig says insecure-skip-tls-verify."""

    url: str
    verify: ssl.SSLContext | bool
    proxy: str | None


class Credentials:
    """The bearer token of the moment: tokens of pods are replaced hourly, those of kubeconfigs by their plugins."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._configuration = _load(settings)

    @property
    def server(self) -> Server:
        configuration = self._configuration
        return Server(configuration.host.rstrip("/"), _verify(configuration), configuration.proxy)

    def headers(self) -> dict[str, str]:
        with self._lock:
            value = self._configuration.get_api_key_with_prefix(AUTHORIZATION)
        if not value:
            return {}
        scheme, _, token = value.partition(" ")
        return {"Authorization": f"{scheme.capitalize()} {token.strip()}"}

    def reload(self) -> bool:
        """Read the token anew, as after a 401. True when it is another one."""
        before = self.headers()
        fresh = _load(self._settings)
        with self._lock:
            self._configuration = fresh
        return self.headers() != before


def _load(settings: ClusterSettings) -> Configuration:
    configuration = Configuration()
    try:
        if settings.kubeconfig is not None or (settings.context is not None or not _in_pod()):
            file = str(settings.kubeconfig.expanduser()) if settings.kubeconfig else None
            config.load_kube_config(file, settings.context, client_configuration=configuration, persist_config=False)
        else:
            config.load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError, TypeError) as error:
        where = settings.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise ConnectionUnknown(
            f"no way to the cluster: {error} (looked at {where}; EASYMAKER_CLUSTER_KUBECONFIG names another file)"
        ) from error
    return configuration


def _in_pod() -> bool:
    return "KUBECONFIG" not in os.environ and bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


def _verify(configuration: Configuration) -> ssl.SSLContext | bool:
    if not configuration.verify_ssl:
        return False
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
