"""A COMPLETE training that tests of models and endpoints share."""

from typing import Any

import pytest

from tests.adapters.easymaker.api.pipeline_runs_at_hand import Pipelines, compile_pipelines

TRAIN = """
import argparse, os, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
parser = argparse.ArgumentParser()
parser.add_argument("--max_iter", type=int, default=100)
options = parser.parse_args()
x, y = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=options.max_iter).fit(x, y)
print(f"accuracy={model.score(x, y):.3f}")
joblib.dump(model, os.path.join(os.environ["EM_MODEL_DIR"], "model.joblib"))
"""


@pytest.fixture(scope="session")
def trained(installation: Any) -> dict[str, str]:
    """An experiment and a COMPLETE training whose model lies at nas://iris:/model."""
    api = installation.api()
    (installation.nas("iris") / "source").mkdir(exist_ok=True)
    (installation.nas("iris") / "source" / "train.py").write_text(TRAIN)
    experiment = api.experiment("life cycle")
    body = api.training_body(
        experiment,
        sourceDirUri="nas://iris:/source",
        entryPoint="train.py",
        modelUploadUri="nas://iris:/model",
        hyperparameterList=[{"parameterName": "max_iter", "parameterValue": "200"}],
    )
    training = api.create("trainings", "training", body)["trainingId"]
    done = api.wait("trainings", "training", training)
    assert done["trainingStatusCode"] == "COMPLETE", done["trainingStatusReason"]
    return {"experiment": experiment, "training": training}


@pytest.fixture(scope="session")
def iris(installation: Any, trained: dict[str, str]) -> str:
    """An ACTIVE scikit-learn model that tests share; its name is iris."""
    api = installation.api()
    model = api.create("models", "model", {"modelName": "iris", "trainingId": trained["training"]})["modelId"]
    api.wait("models", "model", model, {"ACTIVE"})
    return model


@pytest.fixture(scope="session")
def pipelines(installation: Any, tmp_path_factory: pytest.TempPathFactory) -> Pipelines:
    """Of the shared installation, compiled once."""
    return Pipelines(installation, compile_pipelines(tmp_path_factory.mktemp("compiled")))
