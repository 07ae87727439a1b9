"""A training as a TrainJob whose pods run the launcher, with the file that tells the launcher what to do.

What is the same for all trainings (security, storage credentials, what happens to a pod that a node loses) is in the
two ClusterTrainingRuntimes; what differs is here.
"""

from dataclasses import dataclass

from adapters.easymaker.catalogue import Catalogue, Flavor, Image
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import CONFIG_MAP, TRAIN_JOB
from adapters.easymaker.engines.cluster.bundles import Bundle
from adapters.easymaker.engines.cluster.mapping import training_paths as paths
from adapters.easymaker.engines.cluster.mapping.launcher_specs import launcher_json, node_addresses
from adapters.easymaker.engines.cluster.mapping.training_volumes import (
    data_claim,
    pod_volumes,
    spec_config_map_name,
    training_labels,
)
from adapters.easymaker.engines.cluster.names import DOMAIN, labels, metadata, object_name
from adapters.easymaker.engines.launching import node_count, timeout_seconds
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json, Record

PATCH_MANAGER = f"{DOMAIN}/adapter"
# The replicated job and its container; the Trainer knows them by this name.
NODE = "node"
NODE_RANK = "$(JOB_COMPLETION_INDEX)"
LAUNCHER = ("python", "-P", "-m", "kfp_components.easymaker.launcher")
# The Trainer's clock also runs while a pod waits for a node and while results are uploaded; the launcher's does not.
WAITING_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Command:
    """What the container ``node`` runs, on how many nodes."""

    command: tuple[str, ...]
    args: tuple[str, ...]
    nodes: int


@dataclass(frozen=True)
class TrainingSite:
    """What a training is rendered with besides its record."""

    catalogue: Catalogue
    cluster: ClusterSettings
    region: str


def training_bundle(record: Record, site: TrainingSite) -> Bundle:
    """All that a training consists of.

    Raises:
        PermanentEngineError: the catalogue no longer has what it needs, or a name in it cannot be on the cluster.
    """
    claim = data_claim(record, site.cluster)
    launcher = launcher_json(record, site.catalogue, site.region, node_addresses=node_addresses(record))
    dependents = (launcher_config_map(record, launcher), *([claim] if claim else []))
    return Bundle(_train_job(record, site), dependents, hold={"suspend": True})


def _train_job(record: Record, site: TrainingSite) -> Json:
    args = (f"{paths.SPEC_DIRECTORY}/{paths.SPEC_FILE}", "--node-rank", NODE_RANK)
    return {
        "apiVersion": TRAIN_JOB.api_version,
        "kind": TRAIN_JOB.kind,
        "metadata": metadata(record, object_name(record.id), training_labels(record)),
        "spec": job_spec(record, site, Command(LAUNCHER, args, node_count(record))),
    }


def job_spec(record: Record, site: TrainingSite, command: Command) -> Json:
    """The specification of a TrainJob, be it a training's or that of a tuning's trials."""
    torchrun = bool(record.spec.get("useTorchrun", False))
    runtime = site.cluster.torch_runtime if torchrun else site.cluster.plain_runtime
    image, flavor = _image(record, site.catalogue), _flavor(record, site.catalogue)
    trainer: Json = {
        "image": image.container,
        "command": list(command.command),
        "args": list(command.args),
        "numNodes": command.nodes,
        "resourcesPerNode": _resources(flavor),
    }
    if torchrun:
        trainer["numProcPerNode"] = int(record.spec.get("nprocPerNode", 1))
    return {
        "suspend": False,
        "activeDeadlineSeconds": int(timeout_seconds(record)) + WAITING_SECONDS,
        "runtimeRef": {"apiGroup": TRAIN_JOB.group, "kind": "ClusterTrainingRuntime", "name": runtime},
        "trainer": trainer,
        "runtimePatches": [_runtime_patch(record, flavor, site)],
    }


def _runtime_patch(record: Record, flavor: Flavor, site: TrainingSite) -> Json:
    mounted = pod_volumes(record, flavor, site.catalogue, site.cluster)
    pod: Json = {
        "serviceAccountName": site.cluster.job_service_account,
        "volumes": list(mounted.volumes),
        "containers": [{"name": NODE, "volumeMounts": list(mounted.mounts)}],
    }
    if flavor.node_selector:
        pod["nodeSelector"] = dict(flavor.node_selector)
    if flavor.tolerations:
        pod["tolerations"] = [dict(toleration) for toleration in flavor.tolerations]
    labelled: Json = {"labels": labels(record, **training_labels(record))}
    job: Json = {"name": NODE, "template": {"spec": {"template": {"metadata": labelled, "spec": pod}}}}
    return {"manager": PATCH_MANAGER, "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [job]}}}}


def launcher_config_map(record: Record, launcher: str) -> Json:
    """With the file that the launchers of all pods read."""
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": metadata(record, spec_config_map_name(record), training_labels(record)),
        "data": {paths.SPEC_FILE: launcher},
    }


def _resources(flavor: Flavor) -> Json:
    """The whole instance less its default usage, as request and as limit: a training shares it with nobody."""
    amounts = {"cpu": f"{flavor.usable_cpu_milli}m", "memory": f"{flavor.usable_memory_mib}Mi"}
    if flavor.gpu_flavor:
        amounts[flavor.gpu_resource] = str(flavor.gpu_count)
    return {"requests": dict(amounts), "limits": dict(amounts)}


def _image(record: Record, catalogue: Catalogue) -> Image:
    image = catalogue.images_by_id.get(record.spec["imageId"])
    if image is None:
        raise PermanentEngineError("the training's image is no longer in the catalogue")
    if not image.container:
        raise PermanentEngineError(f"image {image.image_name} has no container reference: it cannot run on a cluster")
    return image


def _flavor(record: Record, catalogue: Catalogue) -> Flavor:
    flavor = catalogue.flavors_by_id.get(record.spec["flavorId"])
    if flavor is None:
        raise PermanentEngineError("the training's flavor is no longer in the catalogue")
    return flavor
