"""The life cycle over REST on one real installation: what depends on what, and what each status means."""

import ssl
from typing import Any

import httpx
import pytest

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


@pytest.fixture(scope="module")
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
    done = api.wait("trainings", "training", training, seconds=300)
    assert done["trainingStatusCode"] == "COMPLETE", done["trainingStatusReason"]
    return {"experiment": experiment, "training": training}


def test_training_leaves_its_model_log_and_events(installation: Any, trained: dict[str, str]) -> None:
    api = installation.api()
    assert (installation.nas("iris") / "model" / "model.joblib").is_file()
    log = api.ok("GET", f"/trainings/{trained['training']}/logs")["log"]
    assert "accuracy=" in log["content"]
    assert log["isComplete"]
    events = api.ok("GET", f"/trainings/{trained['training']}/events")["eventList"]
    statuses = [event["toStatusCode"] for event in events]
    assert statuses[0] == "CREATE_REQUESTED"
    assert statuses[-2:] == ["COMPLETE_IN_PROGRESS", "COMPLETE"]
    assert "RUNNING" in statuses


def test_serving_and_guards_from_model_to_endpoint(installation: Any, trained: dict[str, str]) -> None:
    api = installation.api()
    model = api.create("models", "model", {"modelName": "iris", "trainingId": trained["training"]})["modelId"]
    api.wait("models", "model", model, {"ACTIVE"})
    body = {
        "endpointName": "iris",
        "flavorId": api.flavor("m2.c2m4"),
        "nodeCount": 1,
        "endpointModelResourceList": [{"modelId": model, "apigwResourceUri": "/inference"}],
    }
    endpoint = api.create("endpoints", "endpoint", body)["endpointId"]
    api.wait("endpoints", "endpoint", endpoint, {"ACTIVE"}, seconds=300)
    stage = api.ok("GET", f"/endpoint-stages?endpointId={endpoint}")["endpointStageList"][0]
    assert stage["endpointStageStatusCode"] == "ACTIVE"
    context = ssl.create_default_context(cafile=str(installation.home / "gateway/certificates/ca.pem"))
    rows = {"instances": [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]}
    with httpx.Client(verify=context) as client:
        for path in ("/v1/models/iris/predict", "/iris/v1/models/iris/predict", "/inference"):
            answer = client.post(f"https://{stage['apigwStageUrl']}{path}", json=rows)
            assert answer.json() == {"predictions": [0, 2]}, path
        default = api.get("endpoints", "endpoint", endpoint)["defaultStageUrl"]
        assert client.post(f"https://{default}/inference", json=rows).json() == {"predictions": [0, 2]}
    counted = api.ok("GET", f"/endpoint-stages/{stage['endpointStageId']}/api-statistics")["apiStatistics"]
    assert counted["total"]["status2xx"] >= 4

    assert "model iris" in api.refused("DELETE", f"/trainings/{trained['training']}", 409)
    assert "stage resource iris" in api.refused("DELETE", f"/models/{model}", 409)
    assert "default stage" in api.refused("DELETE", f"/endpoint-stages/{stage['endpointStageId']}", 409)
    assert "training" in api.refused("DELETE", f"/experiments/{trained['experiment']}", 409)

    second = {key: value for key, value in body.items() if key != "endpointName"}
    green = api.create(
        "endpoint-stages", "endpointStage", second | {"endpointId": endpoint, "apigwStageName": "green"}
    )["endpointStageId"]
    api.wait("endpoint-stages", "endpointStage", green, {"ACTIVE"}, seconds=120)
    assert "other stages" in api.refused("DELETE", f"/endpoints/{endpoint}", 409)
    api.ok("PUT", f"/endpoints/{endpoint}/default-stage", json={"endpointStageId": green})
    api.gone("endpoint-stages", stage["endpointStageId"])
    with httpx.Client(verify=context) as client:
        assert client.post(f"https://{default}/inference", json=rows).json() == {"predictions": [0, 2]}

    api.ok("DELETE", f"/endpoints/{endpoint}")
    api.gone("endpoints", endpoint)
    api.ok("DELETE", f"/models/{model}")
    api.gone("models", model)
    assert [name for name in installation.runner().names() if name.startswith("model-")] == []
