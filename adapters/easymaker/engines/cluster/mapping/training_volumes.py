"""The volumes of a training's pods, and where they are mounted."""

from dataclasses import dataclass

from adapters.easymaker.catalogue import Catalogue, Flavor
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.mapping import training_paths as paths
from adapters.easymaker.engines.cluster.mapping.volume_claims import claim_spec, nas_claim, nas_ids, volume_claim
from adapters.easymaker.engines.cluster.names import EXPERIMENT_ID, labels, metadata, object_name
from adapters.easymaker.engines.launching import node_count, source
from adapters.easymaker.kinds import training
from adapters.easymaker.kinds.record import Json, Record


@dataclass(frozen=True)
class PodVolumes:
    volumes: tuple[Json, ...]
    mounts: tuple[Json, ...]


def spec_config_map_name(record: Record) -> str:
    return object_name(record.id, "launcher")


def data_claim_name(record: Record) -> str:
    return object_name(record.id, "data")


def tensorboard_claim_name(experiment_id: str) -> str:
    return object_name(experiment_id, "tensorboard")


def data_claim(record: Record, cluster: ClusterSettings) -> Json | None:
    """The volume of the data storage size. Each of several pods has one of its own, which comes with it."""
    size = record.spec.get("dataStorageSize")
    if not size or not _single(record):
        return None
    spec = claim_spec(f"{size}G", "ReadWriteOnce", cluster)
    return volume_claim(metadata(record, data_claim_name(record), training_labels(record)), spec)


def _single(record: Record) -> bool:
    """Whether there is only ever one pod of it at a time: a training on one node, and no tuning."""
    return record.kind == training.KIND.name and node_count(record) == 1


def training_labels(record: Record) -> dict[str, str]:
    return {EXPERIMENT_ID: record.spec["experimentId"]}


def pod_volumes(record: Record, flavor: Flavor, catalogue: Catalogue, cluster: ClusterSettings) -> PodVolumes:
    """What is mounted in the container ``node``."""
    experiment = record.spec["experimentId"]
    volumes: list[Json] = [
        {"name": "spec", "configMap": {"name": spec_config_map_name(record)}},
        {"name": "work"} | _work(record, flavor, cluster),
        {"name": "tensorboard", "persistentVolumeClaim": {"claimName": tensorboard_claim_name(experiment)}},
    ]
    mounts: list[Json] = [
        {"name": "spec", "mountPath": paths.SPEC_DIRECTORY, "readOnly": True},
        {"name": "work", "mountPath": paths.WORK_VOLUME},
        {"name": "tensorboard", "mountPath": paths.TENSORBOARD, "subPath": record.id},
    ]
    for number, (nas_id, read_only) in enumerate(_nas(record, catalogue)):
        name = f"nas-{number}"
        claim: Json = {"claimName": nas_claim(nas_id)}
        volumes.append({"name": name, "persistentVolumeClaim": claim})
        mount: Json = {"name": name, "mountPath": f"{paths.NAS_ROOT}/{nas_id}"}
        mounts.append(mount | {"readOnly": True} if read_only else mount)
    return PodVolumes(tuple(volumes), tuple(mounts))


def _work(record: Record, flavor: Flavor, cluster: ClusterSettings) -> Json:
    """Where the launcher works: the data storage if one was asked for, else the instance's own disk."""
    size = record.spec.get("dataStorageSize")
    if not size:
        return {"emptyDir": {"sizeLimit": f"{flavor.disk}G"}}
    if _single(record):
        return {"persistentVolumeClaim": {"claimName": data_claim_name(record)}}
    template: Json = {
        "metadata": {"labels": labels(record, **training_labels(record))},
        "spec": claim_spec(f"{size}G", "ReadWriteOnce", cluster),
    }
    return {"ephemeral": {"volumeClaimTemplate": template}}


def _nas(record: Record, catalogue: Catalogue) -> list[tuple[str, bool]]:
    """The NAS ids in use, and whether each is only read."""
    spec = record.spec
    inputs = [source(record, catalogue)[0], spec.get("checkPointInputUri")]
    inputs += [dataset["dataUri"] for dataset in spec.get("datasetList", [])]
    outputs = nas_ids([spec["modelUploadUri"], spec.get("checkPointUploadUri")])
    return [(nas_id, nas_id not in outputs) for nas_id in sorted({*nas_ids(inputs), *outputs})]
