"""The examples as resources: compiled, uploaded and run by the official SDK, over the REST API of a real installation.

The SDK's code is unmodified; only the pauses between two looks at a resource are shorter than its default.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kfp import compiler

from kfp_components.easymaker.examples.flowers import json_lines
from kfp_components.easymaker.examples.nightly_batch_inference import nightly_batch_inference
from kfp_components.easymaker.examples.running import PROGRAMS
from kfp_components.easymaker.examples.train_evaluate_deploy import train_evaluate_deploy
from kfp_components.easymaker.examples.tune_and_promote import tune_and_promote
from tests.conftest import PATIENCE, Installation
from tests.official_sdk import IMPATIENT, sdk_python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EXAMPLES = (train_evaluate_deploy, nightly_batch_inference, tune_and_promote)
# What a user would write: three pipelines; one is run once, one again and again, one with parameters of the run's own.
PROGRAM = """
import json, sys, time
import easymaker

def uploaded(name):
    return easymaker.Pipeline().upload(name, f"{sys.argv[1]}/{name}.yaml")

def parameters(**values):
    return [easymaker.Parameter(parameter_name=name, parameter_value=value) for name, value in values.items()]

storage = {"storage_uri": "nas://by-sdk:"}
endpoint = {"endpoint_name": "iris-by-sdk"}
where = dict(instance_type_name="m2.c2m4", boot_storage_size=50)
train = uploaded("train-evaluate-deploy")
first = easymaker.PipelineRun().create("first", train.pipeline_id, experiment_name="by sdk", **where,
    parameter_list=parameters(**storage, **endpoint, regularisation="2.0"))
experiment = first.experiment.experiment_id
nightly = easymaker.PipelineRecurringRun().create("nightly", uploaded("nightly-batch-inference").pipeline_id,
    experiment_id=experiment, **where, parameter_list=parameters(**storage, **endpoint),
    schedule_cron_expression="* * * * * *", max_concurrency_count=1, use_catchup=False)
def is_nightly(run):
    schedule = run.pipeline_recurring_run
    return schedule and schedule.pipeline_recurring_run_id == nightly.pipeline_recurring_run_id

while not (runs := [run for run in easymaker.PipelineRun.get_list() if is_nightly(run)]):
    time.sleep(0.2)
nightly.stop()
runs[-1].wait()
tuned = easymaker.PipelineRun().create("tuned", uploaded("tune-and-promote").pipeline_id,
    experiment_id=experiment, **where, parameter_list=parameters(**storage, **endpoint, trials="2"))
stopped = easymaker.PipelineRecurringRun(nightly.pipeline_recurring_run_id)
print(json.dumps({
    "parameters": [[each.parameter_name, each.parameter_type, each.is_optional, each.default_value]
        for each in train.pipeline_parameter_spec_list][:2],
    "runs": [run.pipeline_run_status_code for run in (first, runs[-1], tuned)],
    "ids": [run.pipeline_run_id for run in (first, runs[-1], tuned)],
    "schedule": stopped.pipeline_recurring_run_status_code, "cron": stopped.schedule_cron_expression,
    "of": runs[-1].pipeline_recurring_run.pipeline_recurring_run_name,
    "flavor": first.instance_type.name, "boot": first.boot_storage.storage_size,
}), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    for example in EXAMPLES:
        compiler.Compiler().compile(example, str(folder / f"{example.name}.yaml"))
    return folder


def test_the_examples_run_as_the_guide_has_it(installation: Installation, compiled: Path) -> None:
    samples = installation.nas("by-sdk")
    (samples / "source").mkdir()
    for program in PROGRAMS.glob("*.*"):
        (samples / "source" / program.name).write_bytes(program.read_bytes())
    (samples / "data").mkdir()
    (samples / "data" / "flowers.jsonl").write_text(json_lines(), encoding="utf-8")
    told = by_sdk(installation, compiled)
    first, nightly, tuned = told.pop("ids")
    assert told == {
        "parameters": [
            ["accuracy_needed", "NUMBER_DOUBLE", True, "0.9"],
            ["deploy", "BOOLEAN", True, "true"],
        ],
        "runs": ["COMPLETE"] * 3,
        "schedule": "DISABLED",
        "of": "nightly",
        "cron": "* * * * * *",
        "flavor": "m2.c2m4",
        "boot": 50,
    }
    assert made_in(installation, first) == {("model", "register-model"), ("endpoint", "deploy-endpoint")}
    assert made_in(installation, nightly) == set()
    kinds = {kind for kind, _ in made_in(installation, tuned)}
    assert {"hyperparameter-tuning", "model", "endpoint-stage"} <= kinds
    assert len(list((samples / "predictions").glob("*/predictions.jsonl"))) >= 1


def by_sdk(installation: Installation, compiled: Path) -> dict[str, Any]:
    environment = {
        "EM_API_URL": installation.url,
        "EM_APPKEY": "local",
        "EM_REGION": "local",
        "EM_TOKEN": installation.token("owner"),
    }
    done = subprocess.run(
        [sdk_python(), "-c", IMPATIENT + PROGRAM, str(compiled)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=6 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr + reasons(installation)
    return json.loads(done.stderr.splitlines()[-1])


def made_in(installation: Installation, run: str) -> set[tuple[str, str]]:
    listed = installation.api().ok("GET", f"/pipeline-runs/{run}/resources")["resourceList"]
    return {(each["resourceType"], each.get("parentPipelineRunTaskName", "")) for each in listed}


def reasons(installation: Installation) -> str:
    """Of the runs that failed, with the log of the step that their reason begins with."""
    api, told = installation.api(), ""
    for run in api.ok("GET", "/pipeline-runs")["pipelineRunList"]:
        if run["pipelineRunStatusCode"].startswith("FAIL"):
            step, _, _ = run["pipelineRunStatusReason"].partition(":")
            log = api.call("GET", f"/pipeline-runs/{run['pipelineRunId']}/logs?nodeId={step}").text
            told += f"\n{run['pipelineRunName']}: {run['pipelineRunStatusReason']}\n{log[-3000:]}"
    return told
