"""An installation on a Kubeflow: custom resources, the cluster's own identities and roles, Kubernetes Secrets."""

import hashlib

from pydantic import ValidationError

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.engine import build_cluster
from adapters.easymaker.engines.cluster.mapping.tensorboards import tensorboard_uri as address_of_board
from adapters.easymaker.engines.cluster.secret_objects import SecretObjects
from adapters.easymaker.engines.cluster.tenancy import AccessReviewPolicy, TokenReviewAuthenticator
from adapters.easymaker.errors import EasyMakerError
from adapters.easymaker.installations import Installation
from adapters.easymaker.kinds.kind import Site
from adapters.easymaker.settings import Settings


def cluster_settings() -> ClusterSettings:
    """The settings of the environment.

    Raises:
        EasyMakerError: one is malformed; the message has its name.
    """
    try:
        return ClusterSettings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "EASYMAKER_CLUSTER_" + "_".join(str(part).upper() for part in first["loc"][:1])
        raise EasyMakerError(f"{name}: {first['msg']}") from error


def database_url(settings: Settings) -> str:
    """Raises EasyMakerError where none is set: replicas share a database, so none of them can bring its own."""
    if settings.database_url is None:
        raise EasyMakerError("EASYMAKER_DATABASE_URL is not set: with EASYMAKER_ENGINE=cluster a PostgreSQL is needed")
    return settings.database_url


def install_cluster(settings: Settings, entries: Catalogue) -> Installation:
    cluster = cluster_settings()
    built = build_cluster(settings, cluster, entries)
    # Every replica has the address of the database, with its password, and nobody else has.
    key = hashlib.sha256(database_url(settings).encode()).digest()

    def tensorboard_uri(appkey: str, experiment_id: str) -> str:
        return address_of_board(cluster, appkey, experiment_id)

    return Installation(
        engine=built.engine,
        authenticator=TokenReviewAuthenticator(built.server, cluster.token_audiences),
        policy=AccessReviewPolicy(built.server),
        secrets=SecretObjects(built.server, key, cluster.namespace),
        site=Site(settings.region, cluster.api_url, cluster.gateway_host, tensorboard_uri),
    )
