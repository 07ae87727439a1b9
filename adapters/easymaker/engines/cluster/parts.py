"""What every driver of the cluster engine works with."""

from dataclasses import dataclass

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.bundles import Applier
from adapters.easymaker.engines.cluster.informers import Cache
from adapters.easymaker.settings import Settings


@dataclass(frozen=True)
class ClusterParts:
    server: ApiServer
    cache: Cache
    applier: Applier
    catalogue: Catalogue
    settings: Settings
    cluster: ClusterSettings
