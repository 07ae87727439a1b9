"""Putting the cluster engine together."""

from dataclasses import dataclass

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.base import Driver, Engine
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.bundles import Applier
from adapters.easymaker.engines.cluster.connection import Credentials
from adapters.easymaker.engines.cluster.endpoints import EndpointDriver, StageDriver
from adapters.easymaker.engines.cluster.experiments import ExperimentDriver
from adapters.easymaker.engines.cluster.model_servers import ModelServerDriver
from adapters.easymaker.engines.cluster.models import ModelDriver
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pipeline_runs import PipelineRunDriver
from adapters.easymaker.engines.cluster.pipelines import PipelineDriver
from adapters.easymaker.engines.cluster.platform import ClusterPlatform
from adapters.easymaker.engines.cluster.schedules import ScheduleDriver
from adapters.easymaker.engines.cluster.trainings import TrainingDriver
from adapters.easymaker.engines.cluster.tunings import TuningDriver
from adapters.easymaker.engines.records import RecordDriver
from adapters.easymaker.settings import Settings


@dataclass(frozen=True)
class ClusterEngine:
    """The engine, and the API server that callers' tokens and rights are asked of."""

    engine: Engine
    server: ApiServer
    platform: ClusterPlatform


def build_cluster(settings: Settings, cluster: ClusterSettings, catalogue: Catalogue) -> ClusterEngine:
    """The engine that carries resources out on a Kubeflow. Starts nothing yet.

    Raises:
        ConnectionUnknown: there is neither a kubeconfig nor a service account.
    """
    server = ApiServer(Credentials(cluster))
    platform = ClusterPlatform(server, cluster.routes, cluster.namespaces, cluster.resync_seconds)
    parts = ClusterParts(server, platform.cache, Applier(server, cluster), catalogue, settings, cluster)
    return ClusterEngine(Engine("cluster", drivers(parts), platform), server, platform)


def drivers(parts: ClusterParts) -> dict[str, Driver]:
    return {
        "experiment": ExperimentDriver(parts),
        "training": TrainingDriver(parts),
        "hyperparameter-tuning": TuningDriver(parts),
        "training-template": RecordDriver(),
        "model": ModelDriver(parts),
        "endpoint": EndpointDriver(parts),
        "endpoint-stage": StageDriver(parts),
        "endpoint-model": ModelServerDriver(parts),
        "pipeline": PipelineDriver(parts),
        "pipeline-run": PipelineRunDriver(parts),
        "pipeline-recurring-run": ScheduleDriver(parts),
    }
