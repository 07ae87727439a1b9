"""The life cycle over REST on one real installation: what depends on what, and what each status means."""

from typing import Any


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
        "endpointName": "life cycle",
        "flavorId": api.flavor("m2.c2m4"),
        "nodeCount": 1,
        "endpointModelResourceList": [{"modelId": model, "apigwResourceUri": "/inference"}],
    }
    endpoint = api.create("endpoints", "endpoint", body)["endpointId"]
    api.wait("endpoints", "endpoint", endpoint, {"ACTIVE"})
    stage = api.ok("GET", f"/endpoint-stages?endpointId={endpoint}")["endpointStageList"][0]
    assert stage["endpointStageStatusCode"] == "ACTIVE"
    rows = {"instances": [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]}
    with installation.web() as client:
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
    taken = second | {"endpointId": endpoint, "apigwStageName": "green"}
    assert "taken" in api.refused("POST", "/endpoint-stages", 400, json=taken)
    api.wait("endpoint-stages", "endpointStage", green, {"ACTIVE"})
    assert "other stages" in api.refused("DELETE", f"/endpoints/{endpoint}", 409)
    api.ok("PUT", f"/endpoints/{endpoint}/default-stage", json={"endpointStageId": green})
    api.gone("endpoint-stages", stage["endpointStageId"])
    with installation.web() as client:
        assert client.post(f"https://{default}/inference", json=rows).json() == {"predictions": [0, 2]}

    servers = [stage, *api.ok("GET", f"/endpoint-stages?endpointId={endpoint}")["endpointStageList"]]
    names = {f"model-{each['endpointModelList'][0]['endpointModelId']}-0" for each in servers}
    assert len(names) == 2
    api.ok("DELETE", f"/endpoints/{endpoint}")
    api.gone("endpoints", endpoint)
    api.ok("DELETE", f"/models/{model}")
    api.gone("models", model)
    assert names.isdisjoint(installation.runner().names())
