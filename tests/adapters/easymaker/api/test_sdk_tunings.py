"""The official SDK tunes, lists, stops, makes a model and deletes; its classes take every answer.

Its code is unmodified; only the pauses between two looks at a resource are shorter than its default.
"""

import json
import subprocess
from typing import Any

import pytest

from tests.official_sdk import IMPATIENT, sdk_python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SOURCE = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--batch_size", type=int)
options = parser.parse_args()
for epoch in range(3):
    print(f"Validation-accuracy={1 - options.lr} Validation-loss={options.lr / (epoch + 1)}", flush=True)
(pathlib.Path(os.environ["EM_MODEL_DIR"]) / "model.joblib").write_text("model")
"""
# As in the sample notebook: Bayesian, MEDIAN, two nodes of two parallel trainings, the usual pattern.
PROGRAM = r"""
import json, sys
import easymaker
from easymaker.common.exceptions import EasyMakerError
from easymaker.common.codes import HyperparameterTypeCode
from easymaker.training.components import HyperparameterSpec, Metric

experiment = easymaker.Experiment().create("sdk tunings")
settings = dict(
    experiment_id=experiment.experiment_id, image_name="Ubuntu 22.04 CPU Python Training",
    instance_type_name="m2.c1m2", timeout_hours=24, source_dir_uri="nas://sdk:/source", entry_point="main.py",
    hyperparameter_spec_list=[
        HyperparameterSpec(hyperparameter_name="lr", hyperparameter_type_code=HyperparameterTypeCode.DOUBLE,
            hyperparameter_min_value="0.01", hyperparameter_max_value="0.05", hyperparameter_step="0.01"),
        HyperparameterSpec(hyperparameter_name="batch_size", hyperparameter_type_code=HyperparameterTypeCode.INT,
            hyperparameter_min_value="16", hyperparameter_max_value="32", hyperparameter_step="1"),
    ],
    metric_list=[Metric(name="Validation-accuracy"), Metric(name="Validation-loss")],
    metric_regex=r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)",
    objective_metric_name="Validation-accuracy", objective_type_code=easymaker.ObjectiveTypeCode.MAXIMIZE,
    max_trial_count=5, max_failed_trial_count=3,
    tuning_strategy_name=easymaker.TuningStrategy.BAYESIAN_OPTIMIZATION,
    early_stopping_algorithm=easymaker.EarlyStoppingAlgorithm.MEDIAN,
    early_stopping_min_trial_count=3, early_stopping_start_step=4,
)
tuning = easymaker.HyperparameterTuning().run(
    hyperparameter_tuning_name="first", model_upload_uri="nas://sdk:/first",
    distributed_node_count=1, parallel_trial_count=2, objective_goal=0.999, **settings,
)
listed = easymaker.HyperparameterTuning.get_list()
model = easymaker.Model().create("tuned", hyperparameter_tuning_id=tuning.hyperparameter_tuning_id)
print(json.dumps({
    "status": tuning.hyperparameter_tuning_status_code, "reason": tuning.hyperparameter_tuning_status_reason,
    "successful": tuning.successful_trial_count, "instances": tuning.instance_count,
    "objective": tuning.objective_metric_name, "metrics": [metric.name for metric in tuning.metric_list],
    "best": tuning.optimal_trial.trial_id, "bestId": tuning.optimal_trial_id,
    "bestMetrics": sorted(metric.trial_metric_name for metric in tuning.optimal_trial.trial_metric_list),
    "hyperparameters": [parameter.parameter_name for parameter in tuning.optimal_trial.hyperparameter_list],
    "types": [spec.hyperparameter_type_code.value for spec in tuning.hyperparameter_spec_list],
    "listed": [each.hyperparameter_tuning_id == tuning.hyperparameter_tuning_id for each in listed],
    "experiment": tuning.experiment.experiment_name, "flavor": tuning.instance_type.name,
    "model": model.model_upload_uri, "of": model.hyperparameter_tuning["hyperparameterTuningId"],
    "id": tuning.hyperparameter_tuning_id,
}), file=sys.stderr)
model.delete()
second = easymaker.HyperparameterTuning().run(
    hyperparameter_tuning_name="second", model_upload_uri="nas://sdk:/second", wait=False, **settings,
)
second.stop()
try:
    second.wait()
except EasyMakerError as error:
    print(error, file=sys.stderr)
again = easymaker.HyperparameterTuning(hyperparameter_tuning_id=second.hyperparameter_tuning_id)
again.delete()
print(again.hyperparameter_tuning_id, file=sys.stderr)
"""


def test_the_sdk_tunes_as_in_its_sample_notebook(installation: Any) -> None:
    here = installation.nas("sdk")
    (here / "source").mkdir()
    (here / "source" / "main.py").write_text(SOURCE)
    environment = {
        "EM_API_URL": installation.url,
        "EM_APPKEY": "local",
        "EM_REGION": "local",
        "EM_TOKEN": installation.token("owner"),
    }
    done = subprocess.run(
        [sdk_python(), "-c", IMPATIENT + PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, stopped, second = done.stderr.splitlines()
    told = json.loads(first)
    tuning, best = told.pop("id"), told.pop("best")
    assert told == {
        "status": "COMPLETE",
        "reason": "MaxTrialsReached",
        "successful": 5,
        "instances": 2,
        "objective": "Validation-accuracy",
        "metrics": ["Validation-accuracy", "Validation-loss"],
        "bestId": best,
        "bestMetrics": ["Validation-accuracy", "Validation-loss"],
        "hyperparameters": ["lr", "batch_size"],
        "types": ["double", "int"],
        "listed": told["listed"],
        "experiment": "sdk tunings",
        "flavor": "m2.c1m2",
        "model": f"nas://sdk:/first/{best}",
        "of": tuning,
    }
    assert any(told["listed"])
    assert "STOP" in stopped
    installation.api().gone("hyperparameter-tunings", second)
