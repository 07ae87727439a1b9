"""What a training becomes on a cluster: readable golden files, strictly valid, and the rules behind them."""

import json
from typing import Any

import pytest

from adapters.easymaker.engines.cluster.mapping.launcher_specs import node_addresses
from adapters.easymaker.engines.cluster.mapping.tensorboards import experiment_bundle
from adapters.easymaker.engines.cluster.mapping.training_jobs import training_bundle
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json, Record
from kfp_components.easymaker.launcher.spec import LauncherSpec
from tests.adapters.easymaker.engines.cluster import training_samples as samples
from tests.adapters.easymaker.engines.cluster.golden_files import require_golden, require_strictly_valid
from tests.adapters.easymaker.engines.cluster.training_samples import OBS, site, training

GPU_IMAGE = "Ubuntu 22.04 GPU PyTorch Training"
ALGORITHM = {"source_dir_uri": f"{OBS}/algorithms/classification", "entry_point": "run.py"}
PLACED = {
    "node_selector": {"node.example.com/type": "g2"},
    "tolerations": ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},),
}


def _with_algorithm() -> tuple[Any, str]:
    shipped = samples.catalogue()
    provided = shipped.algorithms[0].model_copy(update=ALGORITHM)
    return shipped.model_copy(update={"algorithms": (provided,)}), provided.algorithm_id


def _plain() -> list[Json]:
    record = training(
        hyperparameterList=[{"parameterName": "epochs", "parameterValue": "10"}],
        datasetList=[{"datasetName": "train", "dataUri": "nas://data:/iris/train"}],
    )
    return training_bundle(record, site()).manifests()


def _nodes() -> list[Json]:
    return training_bundle(training(instanceCount=3, dataStorageSize=300), site()).manifests()


def _torchrun_gpu() -> list[Json]:
    record = training(
        imageId=samples.image_id(GPU_IMAGE),
        flavorId=samples.flavor_id("g2.c8m64g1"),
        instanceCount=2,
        useTorchrun=True,
        nprocPerNode=1,
    )
    return training_bundle(record, site(catalogue=samples.catalogue(**PLACED))).manifests()


def _object_storage() -> list[Json]:
    record = training(
        sourceDirUri=f"{OBS}/source",
        modelUploadUri=f"{OBS}/model",
        checkPointInputUri=f"{OBS}/checkpoint-in",
        checkPointUploadUri=f"{OBS}/checkpoint-out",
        datasetList=[{"datasetName": "train", "dataUri": f"{OBS}/train"}],
        dataStorageSize=500,
    )
    return training_bundle(record, site(cluster=samples.cluster_settings(storage_class="fast"))).manifests()


def _nas() -> list[Json]:
    record = training(
        datasetList=[
            {"datasetName": "train", "dataUri": "nas://photos:/train"},
            {"datasetName": "test", "dataUri": "nas://data:/test"},
        ],
        checkPointUploadUri="nas://results:/iris/checkpoint",
    )
    return training_bundle(record, site()).manifests()


def _algorithm() -> list[Json]:
    catalogue, algorithm_id = _with_algorithm()
    record = training(sourceDirUri=None, entryPoint=None, algorithmId=algorithm_id, dataStorageSize=300)
    return training_bundle(record, site(catalogue=catalogue)).manifests()


def _experiment() -> list[Json]:
    return experiment_bundle(samples.experiment(), samples.cluster_settings()).manifests()


CASES = {
    "training-plain": _plain,
    "training-several-nodes": _nodes,
    "training-torchrun-gpu": _torchrun_gpu,
    "training-object-storage": _object_storage,
    "training-nas": _nas,
    "training-algorithm": _algorithm,
    "experiment-plain": _experiment,
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_applied_is_in_a_golden_file(name: str) -> None:
    require_golden(name, CASES[name]())


@pytest.mark.parametrize("name", CASES)
def test_what_is_applied_is_strictly_valid(name: str) -> None:
    require_strictly_valid(CASES[name]())


def launcher_spec(record: Record) -> LauncherSpec:
    config_map = training_bundle(record, site()).manifests()[1]
    return LauncherSpec.from_json(config_map["data"]["launcher.json"])


def pod_patch(record: Record, **site_changes: Any) -> Json:
    job = training_bundle(record, site(**site_changes)).owner
    template = job["spec"]["runtimePatches"][0]["trainingRuntimeSpec"]["template"]
    return template["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]


def test_the_launcher_reads_what_is_written_for_it() -> None:
    spec = launcher_spec(training(instanceCount=2, useTorchrun=True, nprocPerNode=2))
    assert (spec.instance_count, spec.nproc_per_node, spec.use_torchrun) == (2, 2, True)
    assert spec.timeout_seconds == 3600
    assert spec.appkey == "team-a"


def test_the_interpreter_is_left_to_the_image() -> None:
    config_map = training_bundle(training(), site()).manifests()[1]
    assert "python" not in json.loads(config_map["data"]["launcher.json"])


def test_nodes_meet_at_the_names_that_their_pods_have() -> None:
    job = f"em-{samples.TRAINING_ID}"
    assert node_addresses(training(instanceCount=2)) == (f"{job}-node-0-0.{job}:29500", f"{job}-node-0-1.{job}:29500")
    assert node_addresses(training()) == ()


def test_each_of_several_nodes_has_a_data_storage_of_its_own() -> None:
    """A volume that one node may write at a time cannot be shared, nor can two launchers share a work directory."""
    bundle = training_bundle(training(instanceCount=2, dataStorageSize=300), site())
    assert [each["kind"] for each in bundle.dependents] == ["ConfigMap"]
    work = next(
        v for v in pod_patch(training(instanceCount=2, dataStorageSize=300))["spec"]["volumes"] if v["name"] == "work"
    )
    claim = work["ephemeral"]["volumeClaimTemplate"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "300G"
    assert claim["metadata"]["labels"]["easymaker.kubeflow.org/resource-id"] == samples.TRAINING_ID


def test_a_nas_that_is_only_read_is_mounted_so() -> None:
    mounts = {mount["mountPath"]: mount for mount in pod_patch(training())["spec"]["containers"][0]["volumeMounts"]}
    assert mounts["/easymaker/nas/data"]["readOnly"]
    assert "readOnly" not in mounts["/easymaker/nas/results"]


def test_pods_carry_the_labels_by_which_they_are_found() -> None:
    labels = pod_patch(training())["metadata"]["labels"]
    assert labels["easymaker.kubeflow.org/resource-id"] == samples.TRAINING_ID
    assert labels["easymaker.kubeflow.org/experiment-id"] == samples.EXPERIMENT_ID
    assert labels["app.kubernetes.io/managed-by"] == "kubeflow-easymaker"


def test_a_nas_id_that_cannot_be_a_volume_claim_is_told() -> None:
    with pytest.raises(PermanentEngineError, match="small letters"):
        training_bundle(training(modelUploadUri="nas://Results_1:/model"), site())


def test_an_image_without_a_container_is_told() -> None:
    shipped = samples.catalogue()
    images = tuple(image.model_copy(update={"container": ""}) for image in shipped.images)
    with pytest.raises(PermanentEngineError, match="no container reference"):
        training_bundle(training(), site(catalogue=shipped.model_copy(update={"images": images})))


@pytest.mark.parametrize("field", ["imageId", "flavorId", "algorithmId"])
def test_what_has_left_the_catalogue_fails_the_training(field: str) -> None:
    with pytest.raises(PermanentEngineError, match="no longer in the catalogue"):
        training_bundle(training(None, **{field: "gone"}), site())


def test_every_training_image_of_the_shipped_catalogue_has_a_container() -> None:
    assert [i.image_name for i in samples.catalogue().images if i.group_type == "TRAINING" and not i.container] == []


@pytest.mark.parametrize("text", ["$(JOB_COMPLETION_INDEX)", "a\n- b: c", "${HOME}", "ㄱ💥", "'\"`;rm -rf /"])
def test_users_words_stay_words(text: str) -> None:
    """They get into the launcher's file as JSON and nowhere else: no argument, no variable that Kubernetes expands."""
    record = training({"name": text}, hyperparameterList=[{"parameterName": "x", "parameterValue": text}])
    job = training_bundle(record, site()).owner
    assert launcher_spec(record).hyperparameters == (("x", text),)
    assert job["spec"]["trainer"] == training_bundle(training(), site()).owner["spec"]["trainer"]
