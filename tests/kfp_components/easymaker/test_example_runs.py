"""The examples as users run them, on a real installation: trained, served, tuned, promoted, asked every night."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.engines.local.home import CONTAINER
from adapters.easymaker.engines.local.object_storage.tokens import tenant_of
from tests.conftest import PATIENCE, Installation
from tests.kfp_components.easymaker.local_runs import Workbench

NO_ENVIRONMENT = 2


@pytest.fixture(scope="module")
def workbench(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """Steps reach the installation as `kubeflow-easymaker env` has it, and its NAS, for that needs no token."""
    bench = Workbench(tmp_path_factory.mktemp("examples"))
    installation.nas("examples")
    bench.extra = {
        "EM_API_URL": installation.url,
        "EM_TOKEN": installation.token("owner"),
        "EM_APPKEY": "local",
        "EM_REGION": "local",
        "REQUESTS_CA_BUNDLE": str(installation.home / "gateway" / "certificates" / "ca.pem"),
        "EASYMAKER_NAS_ROOT": str(installation.home / "nas" / "local"),
    }
    return bench


def example(bench: Workbench, name: str, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", f"kfp_components.easymaker.examples.{name}", *arguments],
        env=bench.environment | extra,
        cwd=bench.root,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
    )
    if done.returncode == NO_ENVIRONMENT and "uv" in done.stderr:
        pytest.skip(f"the example's packages cannot be installed here: {done.stderr.strip()[-300:]}")
    return done


def ran(done: "subprocess.CompletedProcess[str]") -> float:
    """What the pipeline returned."""
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-3000:]
    return float(done.stdout.strip().rpartition("Output: ")[2])


@pytest.fixture(scope="module")
def deployed(workbench: Workbench) -> float:
    return ran(example(workbench, "train_evaluate_deploy"))


STAGES = """
@dsl.pipeline
def pipeline(model_id: str) -> str:
    again = deploy_endpoint(endpoint_name="iris-example", model_id=model_id, flavor="m2.c2m4")
    stage = add_stage(endpoint="iris-example", stage_name="spare", model_id=model_id, flavor="m2.c2m4").after(again)
    gone = delete_stage(stage_id=stage.outputs["stage_id"])
    delete_stage(stage_id=stage.outputs["stage_id"]).after(gone)
    return again.outputs["stage_id"]
"""


OBJECTS = """
@dsl.pipeline
def pipeline(storage: str) -> int:
    there = download(uri="nas://examples:/small")
    back = download(uri=f"{storage}/small").after(upload(artifact=there.outputs["dataset"], uri=f"{storage}/small"))
    return back.outputs["Output"]
"""


def default_stage(installation: Installation) -> dict[str, Any]:
    api = installation.api()
    (endpoint,) = [e for e in api.ok("GET", "/endpoints")["endpointList"] if e["endpointName"] == "iris-example"]
    stages = api.ok("GET", f"/endpoint-stages?endpointId={endpoint['endpointId']}")["endpointStageList"]
    (stage,) = stages
    assert stage["isDefaultStage"]
    return stage


@pytest.mark.slow
@pytest.mark.exhaustive  # by default the examples run as resources: test_examples_by_sdk.py
def test_a_good_model_is_deployed_asked_every_night_and_replaced_by_a_better_one(
    installation: Installation, workbench: Workbench, deployed: float
) -> None:
    assert deployed > 0.9
    first = default_stage(installation)
    assert first["endpointStageStatusCode"] == "ACTIVE"

    assert ran(example(workbench, "nightly_batch_inference")) > 0.8
    (predictions,) = (installation.home / "nas/local/examples/predictions").glob("*/predictions.jsonl")
    assert predictions.read_text().count('"prediction"') == 9

    # Deployed again: as it is. Deleted again: as it should be.
    stages = workbench.run(STAGES, model_id=first["endpointModelList"][0]["modelId"])
    assert stages.outputs == {"Output": first["endpointStageId"]}
    assert default_stage(installation)["endpointStageId"] == first["endpointStageId"]

    assert ran(example(workbench, "tune_and_promote")) > 0.9
    second = default_stage(installation)
    assert second["apigwStageName"] == "candidate"
    # Other tests have tunings and models of their own in this installation.
    tunings = installation.api().ok("GET", "/hyperparameter-tunings")["hyperparameterTuningList"]
    (tuning,) = [each for each in tunings if each["modelUploadUri"].startswith("nas://examples:/models/")]
    assert tuning["successfulTrialCount"] == 4
    served = {stage["endpointModelList"][0]["modelId"] for stage in (first, second)}
    models = installation.api().ok("GET", "/models")["modelList"]
    assert [model["modelStatusCode"] for model in models if model["modelId"] in served] == ["ACTIVE", "ACTIVE"]


def test_object_storage_opens_with_a_token_that_the_step_asks_for(
    installation: Installation, workbench: Workbench
) -> None:
    """As with the variables of `kubeflow-easymaker env`, which have no file with a token."""
    small = installation.nas("examples") / "small"
    small.mkdir()
    (small / "a.txt").write_text("a")
    place = f"127.0.0.1:{installation.object_storage_port}/v1/AUTH_{tenant_of('local')}/{CONTAINER}"
    bench = replace(workbench, extra=workbench.extra | {"EASYMAKER_OBS_URI": f"obs://{place}", "EM_GROUP_ID": "local"})
    run = bench.run(OBJECTS, storage=f"obs://{place}")
    assert run.outputs == {"Output": 1}
    assert installation.token("owner") not in run.log


def test_without_easymaker_an_example_stops_after_the_evaluation_or_says_what_it_needs(
    workbench: Workbench, tmp_path: Path
) -> None:
    alone = Workbench(tmp_path)
    assert ran(example(alone, "train_evaluate_deploy")) > 0.9
    refused = example(alone, "nightly_batch_inference")
    assert refused.returncode == 2
    assert "kubeflow-easymaker up" in refused.stderr
