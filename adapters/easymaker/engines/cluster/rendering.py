"""What a resource consists of on the cluster, as manifests, without a cluster: the table of kinds and their mappings.

Owner references are left out: they need the owner's uid, which only a cluster gives. Everything else is what the engine
applies, so that what was applied from these manifests is complete for it and is taken over as it is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.allowlist import require_allowed
from adapters.easymaker.engines.cluster.bundles import Bundle
from adapters.easymaker.engines.cluster.mapping.http_routes import http_routes
from adapters.easymaker.engines.cluster.mapping.inference_services import ServingSite, inference_service
from adapters.easymaker.engines.cluster.mapping.stage_routes import publications
from adapters.easymaker.engines.cluster.mapping.tensorboards import experiment_bundle
from adapters.easymaker.engines.cluster.mapping.training_jobs import TrainingSite, training_bundle
from adapters.easymaker.engines.cluster.mapping.tunings import tuning_bundle
from adapters.easymaker.engines.cluster.mapping.virtual_services import virtual_services
from adapters.easymaker.kinds.record import Family, Json
from adapters.easymaker.settings import Settings


@dataclass(frozen=True)
class _Site:
    catalogue: Catalogue
    settings: Settings
    cluster: ClusterSettings


def manifests(family: Family, catalogue: Catalogue, settings: Settings, cluster: ClusterSettings) -> list[Json]:
    """In the order in which they are best applied: what others need comes first. Empty for a kind of which the cluster
    has nothing.

    Raises:
        PermanentEngineError: it cannot be carried out; the message says why.
    """
    bundles = RENDERERS[family.record.kind](family, _Site(catalogue, settings, cluster))
    found = [manifest for bundle in bundles for manifest in (*bundle.dependents, bundle.marked())]
    for manifest in found:
        require_allowed(manifest, cluster)
    return found


def _experiment(family: Family, site: _Site) -> Iterable[Bundle]:
    return [experiment_bundle(family.record, site.cluster)]


def _training(family: Family, site: _Site) -> Iterable[Bundle]:
    return [training_bundle(family.record, _training_site(site))]


def _tuning(family: Family, site: _Site) -> Iterable[Bundle]:
    return [tuning_bundle(family.record, _training_site(site))]


def _training_site(site: _Site) -> TrainingSite:
    return TrainingSite(site.catalogue, site.cluster, site.settings.region)


def _stage_resource(family: Family, site: _Site) -> Iterable[Bundle]:
    return [inference_service(family, ServingSite(site.catalogue, site.cluster))]


def _stage(family: Family, site: _Site) -> Iterable[Bundle]:
    render = http_routes if site.cluster.routes == "gateway-api" else virtual_services
    return [Bundle(route) for each in publications(family) for route in render(each, site.cluster)]


def _nothing(family: Family, site: _Site) -> Iterable[Bundle]:
    return ()


# An endpoint's own routes are those of its default stage, which writes them.
RENDERERS: Mapping[str, Callable[[Family, _Site], Iterable[Bundle]]] = {
    "experiment": _experiment,
    "training": _training,
    "hyperparameter-tuning": _tuning,
    "training-template": _nothing,
    "model": _nothing,
    "endpoint": _nothing,
    "endpoint-stage": _stage,
    "endpoint-model": _stage_resource,
    "pipeline": _nothing,
    "pipeline-run": _nothing,
    "pipeline-recurring-run": _nothing,
}
# Why there is nothing of these kinds on the cluster, for whoever looks for it.
WITHOUT_MANIFESTS = {
    "training-template": "a training template is a record in the database alone",
    "model": "a model is a record in the database; values of its secret parameters are never exported",
    "pipeline": "a pipeline is uploaded to Kubeflow Pipelines; GET /pipelines/{id}/manifest gives what was uploaded",
    "pipeline-run": "a run is a request to Kubeflow Pipelines, which makes what runs of it, and no manifest",
    "pipeline-recurring-run": "a schedule is a request to Kubeflow Pipelines, which makes its runs, and no manifest",
}
