"""What a run adds to its pipeline: read in golden files, and strictly what Kubeflow Pipelines' own messages take."""

# pyright: reportAttributeAccessIssue=false
# Messages are made when their modules are imported.

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format

from adapters.easymaker.engines.cluster.mapping.pipeline_requests import recurring_run_request, run_request
from adapters.easymaker.engines.cluster.mapping.pipeline_specs import run_spec
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.pipeline import stored
from adapters.easymaker.kinds.record import Json
from adapters.easymaker.pipelines.documents import Pipeline, load
from adapters.easymaker.pipelines.reading import read
from tests.adapters.easymaker.engines.cluster import pipeline_samples as made
from tests.adapters.easymaker.engines.cluster.golden_files import DIRECTORY, UPDATE, dump
from tests.cluster.pipelines_models import require_model

COMPILED = Path(__file__).parents[5] / "tests/kfp_components/easymaker/golden"
NAS = [
    {"mountDirName": "data", "nasUri": "nas://data:/iris"},
    {"mountDirName": "all", "nasUri": "nas://results:/"},
]
GPU = made.samples.catalogue(
    node_selector={"gpu": "a100"}, tolerations=({"key": "nvidia.com/gpu", "operator": "Exists"},)
)
GPU_FLAVOR = next(flavor.id for flavor in GPU.flavors if flavor.gpu_flavor)


def rendered(pipeline: Json | None = None, platforms: Json | None = None, **given: Any) -> Json:
    source = stored(made.pipeline(document=pipeline, platforms=platforms).spec)
    return run_spec(made.run(**given), made.RUN_ID, source, made.site())


def require_strict(pipeline: Json) -> None:
    """Not one field that kfp's messages do not have."""
    from kfp.kubernetes import kubernetes_executor_config_pb2 as settings_messages
    from kfp.pipeline_spec import pipeline_spec_pb2 as messages

    json_format.ParseDict(pipeline["pipeline_spec"], messages.PipelineSpec())
    json_format.ParseDict(pipeline["platform_spec"], messages.PlatformSpec())
    for platform in pipeline["platform_spec"].get("platforms", {}).values():
        for settings in platform["deploymentSpec"]["executors"].values():
            json_format.ParseDict(settings, settings_messages.KubernetesExecutorConfig())


def settings_of(rendered: Json, executor: str) -> Json:
    return rendered["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"][executor]


def container_of(rendered: Json, executor: str) -> Json:
    return rendered["pipeline_spec"]["deploymentSpec"]["executors"][executor]["container"]


def variables(rendered: Json, executor: str) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container_of(rendered, executor)["env"]}


def own_settings() -> tuple[Json, Json]:
    """A step that says all for itself, one that says a little, and a task that shares another's step."""
    env = [{"name": "EM_REGION", "value": "own"}, {"name": "EM_PIPELINE_RUN_ID", "value": "not known"}]
    document = made.spec(
        prepare=made.container(env=env, resources={"resourceCpuLimit": "1", "resourceMemoryLimit": "1Gi"}),
        train=made.container(resources={"cpuLimit": 2.0}),
    )
    document["root"]["dag"]["tasks"]["again"] = made.task("comp-train", "train")
    executor: Json = {
        "fieldPathAsEnv": [{"name": "EM_PIPELINE_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}],
        "secretAsEnv": [{"secretName": "own", "keyToEnv": [{"secretKey": "token", "envVar": "EM_TOKEN"}]}],
        "nodeSelector": {"labels": {"own": "node"}},
        "pvcMount": [{"constant": "nas-data", "mountPath": "/mnt/easymaker/nas/data"}],
    }
    return document, {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-prepare": executor}}}}}


def requests() -> dict[str, Json]:
    plain, own = made.pipeline(), made.pipeline(document=own_settings()[0], platforms=own_settings()[1])
    with_gpu = made.run(flavorId=GPU_FLAVOR, nasList=NAS)
    every = made.schedule(scheduleCronExpression="0 30 4 * * *", scheduleEndDatetime="2027-01-01T00:00:00+00:00")
    return {
        "run": run_request(made.run(), "first try", stored(plain.spec), made.site()),
        "run-own-settings": run_request(with_gpu, "first try", stored(own.spec), made.site(GPU)),
        "recurring-run": recurring_run_request(every, "every night", stored(plain.spec), made.site()),
    }


@pytest.mark.parametrize("name", requests())
def test_requests_are_those_of_the_golden_files(name: str) -> None:
    text, file = dump([requests()[name]]), DIRECTORY / f"pipeline-{name}.yaml"
    if os.environ.get(UPDATE):
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8"), f"{file} differs: with {UPDATE}=1 it is written anew"


@pytest.mark.parametrize("name", requests())
def test_requests_are_strictly_valid(name: str) -> None:
    request = requests()[name]
    require_strict(request["pipeline_spec"])
    # As its graph is read again from the run.
    read(Pipeline(request["pipeline_spec"]["pipeline_spec"], None, "again", ""))
    require_model("V2beta1RecurringRun" if name == "recurring-run" else "V2beta1Run", request)


@pytest.mark.parametrize("file", sorted(COMPILED.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_the_compiler_makes_stays_valid(file: Path) -> None:
    pipeline = load(file.read_text("utf-8"))
    require_strict(run_spec(made.run(nasList=NAS), made.RUN_ID, pipeline, made.site()))


def test_the_pipeline_itself_is_not_changed() -> None:
    source = stored(made.pipeline(document=own_settings()[0], platforms=own_settings()[1]).spec)
    before = yaml.safe_dump([source.spec, source.platforms])
    run_spec(made.run(nasList=NAS), made.RUN_ID, source, made.site())
    assert yaml.safe_dump([source.spec, source.platforms]) == before


def test_a_step_is_told_its_run_and_its_task() -> None:
    found = variables(rendered(), "exec-train")
    assert found["EM_PIPELINE_RUN_ID"] == made.RUN_ID
    assert found["EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME"] == "train"
    assert found["EM_APPKEY"] == "team-a"
    assert found["EM_EXPERIMENT_ID"] == made.samples.EXPERIMENT_ID


def test_a_run_of_a_schedule_is_told_the_id_that_it_will_have() -> None:
    found = run_spec(made.schedule(), None, stored(made.pipeline().spec), made.site())
    assert "EM_PIPELINE_RUN_ID" not in variables(found, "exec-train")
    (path,) = settings_of(found, "exec-train")["fieldPathAsEnv"]
    assert path == {"name": "EM_PIPELINE_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}


def test_what_a_step_says_of_itself_stays() -> None:
    found = rendered(*own_settings(), nasList=NAS)
    own = variables(found, "exec-prepare")
    assert (own["EM_REGION"], own["EM_PIPELINE_RUN_ID"]) == ("own", made.RUN_ID)
    assert container_of(found, "exec-prepare")["resources"] == {"resourceCpuLimit": "1", "resourceMemoryLimit": "1Gi"}
    settings = settings_of(found, "exec-prepare")
    assert settings["nodeSelector"] == {"labels": {"own": "node"}}
    assert "fieldPathAsEnv" not in settings
    assert [each["secretName"] for each in settings["secretAsEnv"]] == ["own"]
    # A pod can have a claim once.
    assert [each["constant"] for each in settings["pvcMount"]] == ["nas-data", "nas-results"]


def test_tasks_that_share_a_step_are_told_apart() -> None:
    found = rendered(*own_settings())
    assert variables(found, "exec-train")["EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME"] == "train"
    assert variables(found, "exec-train-em-2")["EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME"] == "again"
    tasks = found["pipeline_spec"]["root"]["dag"]["tasks"]
    assert tasks["again"]["componentRef"]["name"] == "comp-train-em-2"


def test_a_step_that_asks_for_nothing_gets_the_flavor() -> None:
    source = stored(made.pipeline().spec)
    found = run_spec(made.run(flavorId=GPU_FLAVOR), made.RUN_ID, source, made.site(GPU))
    resources = container_of(found, "exec-train")["resources"]
    assert resources["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert resources["resourceCpuLimit"] == resources["resourceCpuRequest"]
    assert settings_of(found, "exec-train")["nodeSelector"] == {"labels": {"gpu": "a100"}}
    assert settings_of(found, "exec-train")["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]


def test_nas_folders_are_where_the_variable_says() -> None:
    found = rendered(nasList=NAS)
    assert variables(found, "exec-train")["EM_NAS_DIR"] == "/mnt/easymaker/run-nas"
    data, everything = settings_of(found, "exec-train")["pvcMount"]
    assert (data["mountPath"], data["subPath"]) == ("/mnt/easymaker/run-nas/data", "iris")
    assert "subPath" not in everything
    assert "EM_NAS_DIR" not in variables(rendered(), "exec-train")


def test_one_nas_cannot_be_mounted_twice() -> None:
    with pytest.raises(PermanentEngineError, match="once"):
        rendered(nasList=[NAS[0], NAS[0] | {"mountDirName": "other"}])


def test_no_secret_is_named_where_none_is_set() -> None:
    source = stored(made.pipeline().spec)
    found = run_spec(made.run(), made.RUN_ID, source, made.site(pipelines_token_secret=""))
    assert "secretAsEnv" not in settings_of(found, "exec-train")
    (secret,) = settings_of(rendered(), "exec-train")["secretAsEnv"]
    assert (secret["secretName"], secret["optional"]) == ("easymaker-token", True)


def test_a_flavor_that_is_gone_is_told() -> None:
    with pytest.raises(PermanentEngineError, match="flavor"):
        rendered(flavorId="gone")
