"""Stage resources: several of one model share its traffic, are counted apart, and can be added and deleted."""

from typing import Any

ROWS = {"instances": [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]}
ANSWER = {"predictions": [0, 2]}
REQUESTS = 60


def test_two_resources_of_a_model_share_its_traffic_until_one_is_deleted(installation: Any, iris: str) -> None:
    api = installation.api()
    quota = {"cpu": "700m", "memory": "900Mi"}
    body = {
        "endpointName": "shared traffic",
        "flavorId": api.flavor("m2.c2m4"),
        "endpointModelResourceList": [{"modelId": iris, "resourceOptionDetail": quota}],
    }
    endpoint = api.create("endpoints", "endpoint", body)["endpointId"]
    api.wait("endpoints", "endpoint", endpoint, {"ACTIVE"})
    stage = api.ok("GET", f"/endpoint-stages?endpointId={endpoint}")["endpointStageList"][0]
    stage_id, url = stage["endpointStageId"], f"https://{stage['apigwStageUrl']}/v1/models/iris/predict"
    first = stage["endpointModelList"][0]["endpointModelId"]

    too_much = {"endpointStageId": stage_id, "modelId": iris, "resourceOptionDetail": {"cpu": "900m"}}
    assert "left to give" in api.refused("POST", "/endpoint-models", 400, json=too_much)

    more = too_much | {"resourceOptionDetail": quota, "description": "the second"}
    second = api.create("endpoint-models", "endpointModel", more)["endpointModelId"]
    api.wait("endpoint-models", "endpointModel", second, {"ACTIVE"})
    api.wait("endpoint-stages", "endpointStage", stage_id, {"ACTIVE"})
    listed = api.ok("GET", f"/endpoint-models?endpointStageId={stage_id}")["endpointModelList"]
    assert {each["endpointModelId"] for each in listed} == {first, second}
    assert {each["runningPodCount"] for each in listed} == {1}

    with installation.web() as client:
        for _ in range(REQUESTS):
            assert client.post(url, json=ROWS).json() == ANSWER
        assert client.post(url, json={"instances": "nonsense"}).status_code == 400
    counted = {
        each: api.ok("GET", f"/endpoint-models/{each}/api-statistics")["apiStatistics"] for each in (first, second)
    }
    assert sum(each["status2xx"] for each in counted.values()) >= REQUESTS
    assert min(each["status2xx"] for each in counted.values()) > REQUESTS / 6, counted
    assert sum(each["status4xx"] for each in counted.values()) == 1

    api.ok("DELETE", f"/endpoint-models/{first}")
    api.gone("endpoint-models", first)
    api.wait("endpoint-stages", "endpointStage", stage_id, {"ACTIVE"})
    with installation.web() as client:
        assert client.post(url, json=ROWS).json() == ANSWER
    log = api.ok("GET", f"/endpoint-models/{second}/logs")["log"]
    assert log["content"]
    api.ok("DELETE", f"/endpoints/{endpoint}")
    api.gone("endpoints", endpoint)


def test_two_pods_answer_for_one_resource(installation: Any, iris: str) -> None:
    api = installation.api()
    resource = {"modelId": iris, "podCount": 2, "resourceAllocationPercent": 45}
    body = {
        "endpointName": "two pods",
        "flavorId": api.flavor("m2.c2m4"),
        "endpointModelResourceList": [resource],
    }
    endpoint = api.create("endpoints", "endpoint", body)["endpointId"]
    api.wait("endpoints", "endpoint", endpoint, {"ACTIVE"})
    stage = api.ok("GET", f"/endpoint-stages?endpointId={endpoint}")["endpointStageList"][0]
    model = stage["endpointModelList"][0]
    assert (model["podCount"], model["runningPodCount"]) == (2, 2)
    api.ok("DELETE", f"/endpoints/{endpoint}")
    api.gone("endpoints", endpoint)


def test_a_model_that_cannot_be_loaded_fails_the_resource_with_the_reason(installation: Any) -> None:
    api = installation.api()
    folder = installation.nas("broken") / "model"
    folder.mkdir()
    (folder / "model.joblib").write_bytes(b"this is no pickle")
    model = api.create(
        "models",
        "model",
        {"modelName": "broken", "modelFormatCode": "SKLEARN", "modelUploadUri": "nas://broken:/model"},
    )["modelId"]
    api.wait("models", "model", model, {"ACTIVE"})
    body = {
        "endpointName": "broken",
        "flavorId": api.flavor("m2.c2m4"),
        "endpointModelResourceList": [{"modelId": model}],
    }
    endpoint = api.create("endpoints", "endpoint", body)["endpointId"]
    failed = api.wait("endpoints", "endpoint", endpoint)
    assert failed["endpointStatusCode"] == "CREATE_FAILED"
    assert "cannot be read as a scikit-learn model" in failed["endpointStatusReason"]
    api.ok("DELETE", f"/endpoints/{endpoint}")
    api.gone("endpoints", endpoint)
    api.ok("DELETE", f"/models/{model}")
    api.gone("models", model)
