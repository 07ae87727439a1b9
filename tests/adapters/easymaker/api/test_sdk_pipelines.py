"""The official SDK, unmodified, uploads its own sample pipeline, runs it once and on a schedule, and deletes that."""

import json
import subprocess
from typing import Any

import pytest

from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SDK = EnvironmentSpec(name="official-sdk", requirements=("easymaker==2.1.5",))
# Its steps install the kfp that they were compiled with.
PROGRAM = r"""
import json, pathlib, sys
import easymaker
from easymaker.common.parameter import Parameter

sample = pathlib.Path(easymaker.__file__).parent / "sample" / "notebooks" / "pipeline" / "pipeline_sample.yaml"
pipeline = easymaker.Pipeline().upload("sample", str(sample))
experiment = easymaker.Experiment().create("sdk pipelines")
settings = dict(
    pipeline_id=pipeline.pipeline_id, experiment_id=experiment.experiment_id, instance_type_name="m2.c2m4",
    boot_storage_size=50, parameter_list=[Parameter(parameter_name="message", parameter_value="hello")],
)
run = easymaker.PipelineRun().create(pipeline_run_name="once", **settings)
again = easymaker.PipelineRecurringRun().create(
    pipeline_recurring_run_name="nightly", schedule_cron_expression="0 0 3 * * *", **settings
)
again.stop()
again.start()
listed = easymaker.PipelineRecurringRun.get_list()
print(json.dumps({
    "pipeline": pipeline.pipeline_status_code,
    "parameters": [(spec.parameter_name, spec.default_value) for spec in pipeline.pipeline_parameter_spec_list],
    "run": run.pipeline_run_status_code, "times": bool(run.started_datetime and run.finished_datetime),
    "of": run.pipeline.pipeline_name, "flavor": run.instance_type.name, "storage": run.boot_storage.storage_size,
    "values": [(each.parameter_name, each.parameter_value) for each in run.parameter_list],
    "again": again.pipeline_recurring_run_status_code, "cron": again.schedule_cron_expression,
    "listed": any(each.pipeline_recurring_run_id == again.pipeline_recurring_run_id for each in listed),
    "id": run.pipeline_run_id,
}), file=sys.stderr)
again.delete()
"""


def test_the_sdk_runs_its_sample_pipeline(installation: Any) -> None:
    python = Environments(Settings().cache_dir).ensure(SDK)
    environment = {
        "EM_API_URL": installation.url,
        "EM_APPKEY": "local",
        "EM_REGION": "local",
        "EM_TOKEN": installation.token("owner"),
    }
    done = subprocess.run(
        [python, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stderr.splitlines()[-1])
    run = told.pop("id")
    assert told == {
        "pipeline": "ACTIVE",
        "parameters": [["message", "message"]],
        "run": "COMPLETE",
        "times": True,
        "of": "sample",
        "flavor": "m2.c2m4",
        "storage": 50,
        "values": [["message", "hello"]],
        "again": "ENABLED",
        "cron": "0 0 3 * * *",
        "listed": True,
    }
    nodes = installation.api().ok("GET", f"/pipeline-runs/{run}/graph")["graph"]["nodes"]
    assert {node["name"]: node["state"] for node in nodes} == {"preprocess": "SUCCEEDED", "train": "SUCCEEDED"}
