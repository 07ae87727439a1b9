"""An experiment on the cluster: a Tensorboard over a volume to which its trainings write."""

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import TENSORBOARD
from adapters.easymaker.engines.cluster.bundles import Bundle
from adapters.easymaker.engines.cluster.mapping.training_volumes import tensorboard_claim_name
from adapters.easymaker.engines.cluster.mapping.volume_claims import claim_spec, volume_claim
from adapters.easymaker.engines.cluster.names import EXPERIMENT_ID, metadata, namespace_of, object_name
from adapters.easymaker.kinds.record import Json, Record


def experiment_bundle(record: Record, cluster: ClusterSettings) -> Bundle:
    """Each training has a directory of its own, named by its id, in the volume."""
    labels = {EXPERIMENT_ID: record.id}
    claim = tensorboard_claim_name(record.id)
    spec = claim_spec(f"{cluster.tensorboard_storage_gb}G", cluster.tensorboard_access_mode, cluster)
    board: Json = {
        "apiVersion": TENSORBOARD.api_version,
        "kind": TENSORBOARD.kind,
        "metadata": metadata(record, object_name(record.id), labels),
        "spec": {"logspath": f"pvc://{claim}/"},
    }
    return Bundle(board, (volume_claim(metadata(record, claim, labels), spec),))


def tensorboard_uri(cluster: ClusterSettings, appkey: str, experiment_id: str) -> str:
    """Where Kubeflow's gateway shows an experiment's TensorBoard; who may see it is for the profile to say."""
    path = f"/tensorboard/{namespace_of(appkey)}/{object_name(experiment_id)}/"
    return cluster.kubeflow_url.rstrip("/") + path


def answers(board: Json) -> bool:
    """Whether TensorBoard is up, as its controller says."""
    return int((board.get("status") or {}).get("readyReplicas") or 0) > 0
