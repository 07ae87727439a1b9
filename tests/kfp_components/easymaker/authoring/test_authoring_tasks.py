"""What authors' helpers compile to, and that a pipeline with all of them still runs on one machine."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, dsl

from kfp_components.easymaker import download
from kfp_components.easymaker.authoring import (
    Flavor,
    mount_nas,
    retry_on_preemption,
    use_easymaker,
    use_flavor,
)
from tests.kfp_components.easymaker.local_runs import Workbench

FLAVOR = Flavor("gpu", 8000, 65536, 1, "example.com/gpu", {"pool": "gpu"}, ({"key": "gpu", "operator": "Exists"},))


def compiled(tmp_path: Path, *change: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Container, task and Kubernetes settings of a pipeline of one step."""

    @dsl.pipeline(name="authoring")
    def pipeline() -> None:
        task = download(uri="nas://vol:/x")
        for each in change:
            assert each(task) is task

    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    document, *platform = yaml.safe_load_all(path.read_text())
    executors = platform[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if platform else {}
    container = document["deploymentSpec"]["executors"]["exec-download"]["container"]
    return container, document["root"]["dag"]["tasks"]["download"], executors.get("exec-download", {})


def test_a_flavor_is_resources_nodes_and_tolerations_in_one_call(tmp_path: Path) -> None:
    container, _, kubernetes = compiled(tmp_path, lambda task: use_flavor(task, FLAVOR, {"zone": "a"}))
    resources = container["resources"]
    assert (resources["resourceCpuRequest"], resources["resourceCpuLimit"]) == ("7500m", "7500m")
    assert (resources["resourceMemoryRequest"], resources["resourceMemoryLimit"]) == ("64512Mi", "64512Mi")
    assert resources["accelerator"]["resourceType"] == "example.com/gpu"
    assert resources["accelerator"]["resourceCount"] == "1"
    assert kubernetes["nodeSelector"]["labels"] == {"pool": "gpu", "zone": "a"}
    assert kubernetes["tolerations"] == [{"key": "gpu", "operator": "Exists"}]


def test_a_flavor_by_name_without_a_gpu_asks_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EM_API_URL", "EM_PROFILE", "EASYMAKER_CATALOGUE"):
        monkeypatch.delenv(name, raising=False)
    container, _, kubernetes = compiled(tmp_path, lambda task: use_flavor(task, "m2.c2m4"))
    assert container["resources"]["resourceCpuLimit"] == "1500m"
    assert "accelerator" not in container["resources"]
    assert kubernetes == {}


def test_retries_wait_longer_each_time(tmp_path: Path) -> None:
    _, task, _ = compiled(tmp_path, lambda task: retry_on_preemption(task, 3, 30))
    assert task["retryPolicy"] == {
        "maxRetryCount": 3, "backoffDuration": "30s", "backoffFactor": 2.0, "backoffMaxDuration": "600s",
    }  # fmt: skip


def test_each_nas_is_mounted_once_where_the_components_look(tmp_path: Path) -> None:
    _, _, kubernetes = compiled(tmp_path, lambda task: mount_nas(task, "team", "nas://data:/a", "nas://team:/b"))
    mounted = {
        each["mountPath"]: each["pvcNameParameter"]["runtimeValue"]["constant"] for each in kubernetes["pvcMount"]
    }
    assert mounted == {"/mnt/easymaker/nas/data": "nas-data", "/mnt/easymaker/nas/team": "nas-team"}


@pytest.mark.parametrize("given", ["obs://h/v1/AUTH_x/c", "nas://Team:/", "a b", ""])
def test_what_cannot_be_a_claim_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"volume claim|nas://|\bURI\b"):
        compiled(tmp_path, lambda task: mount_nas(task, given))


def test_easymaker_is_reached_through_the_namespace_and_told_of_the_run(tmp_path: Path) -> None:
    container, _, kubernetes = compiled(tmp_path, lambda task: use_easymaker(task, more=["EASYMAKER_OBS_URI"]))
    (config,) = kubernetes["configMapAsEnv"]
    assert {each["envVar"] for each in config["keyToEnv"]} == {
        "EM_API_URL", "EM_APPKEY", "EM_REGION", "EASYMAKER_OBS_URI",
    }  # fmt: skip
    (secret,) = kubernetes["secretAsEnv"]
    assert secret["keyToEnv"] == [{"secretKey": "token", "envVar": "EM_TOKEN"}]
    assert kubernetes["fieldPathAsEnv"] == [
        {"name": "EM_PIPELINE_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}
    ]
    assert container["env"] == [{"name": "EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME", "value": "download"}]


EVERYTHING = """
from kfp_components.easymaker.authoring import *
@dsl.pipeline
def pipeline() -> int:
    task = download(uri="nas://vol:/data")
    use_easymaker(mount_nas(retry_on_preemption(use_flavor(task, "g2.c8m64g1", {"pool": "gpu"})), "vol"))
    return task.outputs["Output"]
"""


def test_a_pipeline_with_all_of_it_runs_on_one_machine(workbench: Workbench) -> None:
    workbench.file("data/a.txt", "a")
    assert workbench.run(EVERYTHING).outputs == {"Output": 1}
