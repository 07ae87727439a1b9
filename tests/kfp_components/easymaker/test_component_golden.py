"""What components and examples compile to: as reviewed, valid for Kubeflow Pipelines, and thin.

After a change on purpose: EASYMAKER_UPDATE_GOLDEN=1 pytest tests/kfp_components/easymaker/test_component_golden.py
"""

import os
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from kfp_components.easymaker import COMPONENTS, images
from tests.kfp_components.easymaker.compiled import EXAMPLES, NAMES, Document, compiled, component, reviewed

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", NAMES)
def test_compiled_as_reviewed(name: str, tmp_path: Path) -> None:
    found = yaml.safe_dump_all(reviewed(name, compiled(name, tmp_path)), sort_keys=True, width=110)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("EASYMAKER_UPDATE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8"), "compiles to something else; see this module's first lines"


@pytest.mark.parametrize("name", NAMES)
def test_kubeflow_pipelines_reads_what_is_compiled(name: str, tmp_path: Path) -> None:
    """As the API server does: every field has to be one of kfp's protobuf schema."""
    pipeline, *platforms = compiled(name, tmp_path)
    read = json_format.ParseDict(pipeline, pipeline_spec_pb2.PipelineSpec())
    assert read.root.dag.tasks
    for platform in platforms:
        json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
        for config in executors(platform).values():
            json_format.ParseDict(config, kubernetes_executor_config_pb2.KubernetesExecutorConfig())


def test_every_golden_file_is_of_something() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_installs_nothing_and_runs_in_an_image_of_images_py(name: str) -> None:
    container = component(name).component_spec.implementation.container
    assert container.image in (images.COMPONENTS, images.TRAINING)
    assert "pip" not in " ".join([*container.command, *container.args]).split()
    # kfp.local warns of others.
    assert "python" in container.image


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_nothing_of_one_cluster(name: str) -> None:
    """No address and no token is compiled in: they are the namespace's."""
    text = (GOLDEN / f"{name}.yaml").read_text(encoding="utf-8")
    assert "http://" not in text
    _, platform = yaml.safe_load_all(text)
    mapped = [config["configMapAsEnv"] for config in executors(platform).values() if "configMapAsEnv" in config]
    assert mapped
    assert {each[0]["configMapName"] for each in mapped} == {"easymaker"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_steps_with_effects_outside_are_never_cached(name: str) -> None:
    """A deployment that KFP skips since its inputs are as before is none; KFP says True or nothing of the others."""
    pipeline, _ = yaml.safe_load_all((GOLDEN / f"{name}.yaml").read_text(encoding="utf-8"))
    dags = [pipeline["root"]["dag"], *(part["dag"] for part in pipeline["components"].values() if "dag" in part)]
    tasks = {key: task for dag in dags for key, task in dag["tasks"].items()}
    cached = {key for key, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert {key for key in cached if not key.startswith("condition")} <= {"train", "tune", "evaluate"}


def executors(platform: Document) -> Document:
    return platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
