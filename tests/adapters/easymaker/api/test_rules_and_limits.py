"""The rules of the guide over REST, each at its exact limit and one beyond. Nothing here starts a process."""

from typing import Any

import pytest

# Its image has no requirements, so that a training of it ends in CREATE_FAILED before anything runs.
NOT_RUNNABLE = "Image Classification CPU"
PYTORCH = "Ubuntu 22.04 CPU PyTorch Training"
PYTHON = "Ubuntu 22.04 CPU Python Training"
OBS = "obs://127.0.0.1:1/v1/AUTH_a/c/p"


@pytest.fixture(scope="module")
def rules_api(installation: Any) -> Any:
    return installation.api()


@pytest.fixture(scope="module")
def experiment(rules_api: Any) -> str:
    return rules_api.experiment("rules")


@pytest.fixture(scope="module")
def model(installation: Any, rules_api: Any) -> str:
    """ACTIVE, of a format that this installation does not serve: endpoints of it fail without a process."""
    (installation.nas("rules") / "saved_model.pb").write_bytes(b"graph")
    body = {"modelName": "rules", "modelFormatCode": "TENSORFLOW", "modelUploadUri": "nas://rules:/"}
    made = rules_api.create("models", "model", body)["modelId"]
    rules_api.wait("models", "model", made, {"ACTIVE"})
    return made


@pytest.fixture
def template(rules_api: Any) -> Any:
    """Settings of a training, tried as a template: the same rules, and nothing is carried out."""

    def tried(status: int, about: str = "", **changes: Any) -> dict[str, Any]:
        body = rules_api.training_body("x", imageId=rules_api.image(PYTHON)) | changes
        body = {k: v for k, v in body.items() if k not in ("experimentId", "trainingName") and v is not None}
        body = {"trainingTemplateName": "t"} | body
        if status == 200:
            return rules_api.create("training-templates", "trainingTemplate", body)
        message = rules_api.refused("POST", "/training-templates", status, json=body)
        assert about in message, message
        return {}

    return tried


def parameters(count: int, name: str = "p", value: str = "v") -> list[dict[str, str]]:
    return [{"parameterName": f"{name}{i}", "parameterValue": value} for i in range(count)]


def datasets(count: int) -> list[dict[str, str]]:
    return [{"datasetName": f"d{i}", "dataUri": "nas://d:/x"} for i in range(count)]


@pytest.mark.parametrize(
    ("at_the_limit", "beyond"),
    [
        ({"trainingTemplateName": "n" * 50}, {"trainingTemplateName": "n" * 51}),
        ({"description": "d" * 255}, {"description": "d" * 256}),
        ({"hyperparameterList": parameters(100)}, {"hyperparameterList": parameters(101)}),
        (
            {"hyperparameterList": parameters(1, "k" * 254, "v" * 1000)},
            {"hyperparameterList": parameters(1, "k" * 255, "v")},
        ),
        ({"hyperparameterList": []}, {"hyperparameterList": parameters(1, "k", "v" * 1001)}),
        ({"datasetList": datasets(10)}, {"datasetList": datasets(11)}),
        (
            {"datasetList": [{"datasetName": "d" * 36, "dataUri": "nas://d:/x"}]},
            {"datasetList": [{"datasetName": "d" * 37, "dataUri": "nas://d:/x"}]},
        ),
        ({"modelUploadUri": "nas://d:/" + "u" * 246}, {"modelUploadUri": "nas://d:/" + "u" * 247}),
        ({"entryPoint": "e" * 255}, {"entryPoint": "e" * 256}),
        ({"instanceCount": 1}, {"instanceCount": 0}),
        ({"instanceCount": 10}, {"instanceCount": 11}),
        ({"timeoutMinutes": 60}, {"timeoutMinutes": 59}),
        ({"timeoutMinutes": 43200}, {"timeoutMinutes": 43201}),
        ({"dataStorageSize": 300}, {"dataStorageSize": 299}),
        ({"dataStorageSize": 10000}, {"dataStorageSize": 10001}),
    ],
    ids=lambda change: f"{next(iter(change))}",
)
def test_limits_of_a_training(template: Any, at_the_limit: dict[str, Any], beyond: dict[str, Any]) -> None:
    template(200, **at_the_limit)
    template(400, next(iter(beyond)), **beyond)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instanceCount", "1"),
        ("instanceCount", 1.5),
        ("timeoutMinutes", "60"),
        ("timeoutMinutes", True),
        ("useLog", "true"),
        ("useLog", 1),
        ("hyperparameterList", {}),
        ("datasetList", "d"),
        ("imageId", 1),
        ("nosuchField", 1),
        ("modelUploadUri", ["nas://d:/"]),
    ],
)
def test_wrong_types_are_told_with_their_field(template: Any, field: str, value: Any) -> None:
    template(400, field, **{field: value})


def test_every_problem_is_told_at_once(template: Any) -> None:
    template(400, "instanceCount", instanceCount=0, timeoutMinutes=1, modelUploadUri="nowhere", entryPoint="/x")
    template(400, "timeoutMinutes", instanceCount=0, timeoutMinutes=1)


def test_torchrun_only_with_pytorch_and_processes_within_the_flavor(template: Any, rules_api: Any) -> None:
    pytorch, flavor = rules_api.image(PYTORCH), rules_api.flavor("m2.c4m8")
    template(200, imageId=pytorch, useTorchrun=True, nprocPerNode=4, flavorId=flavor)
    template(400, "nprocPerNode", imageId=pytorch, useTorchrun=True, nprocPerNode=5, flavorId=flavor)
    template(400, "nprocPerNode", imageId=pytorch, useTorchrun=True, nprocPerNode=0, flavorId=flavor)
    template(400, "nprocPerNode", imageId=pytorch, nprocPerNode=2, flavorId=flavor)
    template(400, "useTorchrun", imageId=rules_api.image(PYTHON), useTorchrun=True, flavorId=flavor)
    template(200, imageId=rules_api.image(PYTHON), nprocPerNode=1, flavorId=flavor)


def test_data_storage_is_needed_as_soon_as_obs_is_used(template: Any) -> None:
    dataset = [{"datasetName": "d", "dataUri": OBS}]
    uses = [{"sourceDirUri": OBS}, {"modelUploadUri": OBS}, {"checkPointInputUri": OBS}, {"checkPointUploadUri": OBS}]
    for use in [*uses, {"datasetList": dataset}]:
        template(400, "dataStorageSize", **use)
        template(200, dataStorageSize=300, **use)
    template(200, dataStorageSize=None)


def test_image_flavor_and_algorithm_are_of_the_catalogue(template: Any, rules_api: Any) -> None:
    notebook = rules_api.image("Ubuntu 22.04 CPU Python Notebook")
    template(400, "imageId", imageId="nobody")
    template(400, "imageId", imageId=notebook)
    template(400, "flavorId", flavorId="nobody")
    template(400, "flavorId", imageId=rules_api.image("Ubuntu 22.04 GPU PyTorch Training"))
    template(400, "algorithmId", algorithmId="nobody", sourceDirUri=None, entryPoint=None)
    template(400, "algorithmId", algorithmId="nobody")
    template(400, "sourceDirUri", sourceDirUri=None)
    template(400, "entryPoint", entryPoint=None)


def test_nothing_is_given_twice(template: Any) -> None:
    template(400, "epochs", hyperparameterList=parameters(1, "epochs") * 2)
    twice = [{"datasetName": name, "dataUri": "nas://d:/x"} for name in ("train", "TRAIN")]
    template(400, "EM_DATASET_TRAIN", datasetList=twice)


def test_ids_have_at_most_36_characters(rules_api: Any) -> None:
    for length, about in ((36, "there is no experiment"), (37, "36 characters")):
        body = rules_api.training_body("e" * length)
        assert about in rules_api.refused("POST", "/trainings", 400, json=body)


def test_model_only_from_a_complete_training(rules_api: Any, experiment: str) -> None:
    body = rules_api.training_body(experiment, imageId=rules_api.image(NOT_RUNNABLE))
    training = rules_api.create("trainings", "training", body)["trainingId"]
    rules_api.wait("trainings", "training", training, {"CREATE_FAILED"})
    message = rules_api.refused("POST", "/models", 400, json={"modelName": "m", "trainingId": training})
    assert "COMPLETE" in message
    assert "nothing to stop" in rules_api.refused("PUT", f"/trainings/{training}/stop", 409)
    assert "training" in rules_api.refused("DELETE", f"/experiments/{experiment}", 409)


@pytest.mark.parametrize(
    ("about", "changes"),
    [
        ("exactly one", {"trainingId": "x"}),
        ("modelFormatCode", {"modelFormatCode": None}),
        ("modelFormatCode", {"modelFormatCode": "EXCEL"}),
        ("exactly one", {"modelUploadUri": None}),
        ("hyperparameterTuningId: there is no", {"hyperparameterTuningId": "x", "modelUploadUri": None}),
        ("fineTuningId", {"fineTuningId": "x", "modelUploadUri": None}),
        ("parameterList", {"parameterList": parameters(1) * 2}),
        ("parameterList", {"parameterList": parameters(101)}),
        ("modelName", {"modelName": "m" * 51}),
        ("modelName", {"modelName": "a/b"}),
        ("description", {"description": "d" * 256}),
    ],
)
def test_models_that_cannot_be(rules_api: Any, about: str, changes: dict[str, Any]) -> None:
    body = {"modelName": "m", "modelFormatCode": "SKLEARN", "modelUploadUri": "nas://d:/x"} | changes
    body = {k: v for k, v in body.items() if v is not None}
    if changes == {"trainingId": "x"}:
        about = "there is no training x"
    assert about in rules_api.refused("POST", "/models", 400, json=body)


def deployment(api: Any, model_id: str, **resource: Any) -> dict[str, Any]:
    return {
        "flavorId": api.flavor("m2.c2m4"),
        "nodeCount": 1,
        "endpointModelResourceList": [{"modelId": model_id, "resourceAllocationPercent": 10} | resource],
    }


@pytest.fixture(scope="module")
def endpoint(rules_api: Any, model: str) -> str:
    """With a second stage, which an endpoint takes only as long as it has not failed: tried until it is in time."""
    for _ in range(50):
        body = deployment(rules_api, model) | {"endpointName": "rules"}
        made = rules_api.create("endpoints", "endpoint", body)["endpointId"]
        stage = deployment(rules_api, model) | {"endpointId": made, "apigwStageName": "s" * 30}
        if rules_api.call("POST", "/endpoint-stages", json=stage).status_code == 200:
            return made
        rules_api.ok("DELETE", f"/endpoints/{made}")
        rules_api.gone("endpoints", made)
    raise AssertionError("no stage was created in time")


def test_endpoint_names_are_unique_in_their_appkey(
    installation: Any, rules_api: Any, model: str, endpoint: str
) -> None:
    body = deployment(rules_api, model) | {"endpointName": "rules"}
    assert "taken" in rules_api.refused("POST", "/endpoints", 400, json=body)
    other = rules_api.create("endpoints", "endpoint", body | {"endpointName": "Rules"})["endpointId"]
    assert "taken" in rules_api.refused("PUT", f"/endpoints/{other}", 400, json={"endpointName": "rules"})
    rules_api.ok("PUT", f"/endpoints/{other}", json={"endpointName": "renamed"})
    rules_api.ok("DELETE", f"/endpoints/{other}")
    rules_api.gone("endpoints", other)
    again = rules_api.create("endpoints", "endpoint", body | {"endpointName": "renamed"})["endpointId"]
    rules_api.ok("DELETE", f"/endpoints/{again}")


def test_stage_names(rules_api: Any, model: str, endpoint: str) -> None:
    """Lower-case letters and digits, at most 30; no stage is added to an endpoint that has to be created anew."""

    def body(name: str) -> dict[str, Any]:
        return deployment(rules_api, model) | {"endpointId": endpoint, "apigwStageName": name}

    rules_api.wait("endpoints", "endpoint", endpoint, {"CREATE_FAILED"})
    assert "CREATE_FAILED" in rules_api.refused("POST", "/endpoint-stages", 400, json=body("late"))
    for name in ("s" * 31, "Green", "blue-green", ""):
        assert "apigwStageName" in rules_api.refused("POST", "/endpoint-stages", 400, json=body(name))
    assert "other stages" in rules_api.refused("DELETE", f"/endpoints/{endpoint}", 409)
    stages = rules_api.ok("GET", f"/endpoint-stages?endpointId={endpoint}")["endpointStageList"]
    default = next(stage for stage in stages if stage["isDefaultStage"])
    longest = next(s["endpointStageId"] for s in stages if s["endpointStageName"] == "s" * 30)
    assert "default stage" in rules_api.refused("DELETE", f"/endpoint-stages/{default['endpointStageId']}", 409)
    refused = rules_api.refused("PUT", f"/endpoints/{endpoint}/default-stage", 409, json={"endpointStageId": longest})
    assert "only an ACTIVE stage" in refused
    same = {"endpointStageId": default["endpointStageId"]}
    rules_api.ok("PUT", f"/endpoints/{endpoint}/default-stage", json=same)
    rules_api.refused("PUT", f"/endpoints/{endpoint}/default-stage", 409, json={"endpointStageId": endpoint})
    assert "used by" in rules_api.refused("DELETE", f"/models/{model}", 409)


@pytest.mark.parametrize(
    ("about", "resource"),
    [
        ("nothing of the instance is left", {"resourceOptionDetail": {"cpu": "0"}}),
        ("do not fit one", {"resourceOptionDetail": {"cpu": "1501m"}}),
        ("do not fit one", {"resourceOptionDetail": {"memory": "3073Mi"}}),
        ("GPU", {"resourceOptionDetail": {"gpu": "1"}}),
        ("left to give", {"podCount": 11}),
        ("podCount", {"podCount": 0}),
        ("resourceAllocationPercent", {"resourceAllocationPercent": 101}),
        ("scaleMetricTarget", {"scaleMetricTarget": 50}),
        ("scaleMetricTarget", {"scaleMetricTarget": 101, "podAutoScaleEnable": True}),
        ("scaleMetricCode", {"scaleMetricCode": "GPU", "podAutoScaleEnable": True}),
        ("apigwResourceUri", {"apigwResourceUri": "inference"}),
        ("apigwResourceUri", {"apigwResourceUri": "/v2/x"}),
        ("apigwResourceUri", {"apigwResourceUri": "/a b"}),
        ("apigwResourceUri", {"apigwResourceUri": "/../x"}),
    ],
)
def test_quotas_and_paths_of_stage_resources(
    rules_api: Any, model: str, endpoint: str, about: str, resource: dict[str, Any]
) -> None:
    """m2.c2m4 less its default usage gives 1500m and 3072Mi."""
    body = deployment(rules_api, model, **resource) | {"endpointName": "never"}
    assert about in rules_api.refused("POST", "/endpoints", 400, json=body)


def test_a_stage_is_filled_to_its_instance_and_not_beyond(rules_api: Any, model: str) -> None:
    full = deployment(rules_api, model, resourceAllocationPercent=90) | {"endpointName": "full"}
    made = rules_api.create("endpoints", "endpoint", full)
    stage = made["endpointStageList"][0]["endpointStageId"]
    resource = {"endpointStageId": stage, "modelId": model}
    too_much = resource | {"resourceAllocationPercent": 11}
    assert "left to give" in rules_api.refused("POST", "/endpoint-models", 400, json=too_much)
    fits = rules_api.create("endpoint-models", "endpointModel", resource | {"resourceAllocationPercent": 10})
    assert fits["resourceQuota"] == {"cpuMilli": 150, "memoryMib": 307, "gpu": 0}
    rules_api.ok("DELETE", f"/endpoints/{made['endpointId']}")
    rules_api.gone("endpoints", made["endpointId"])


@pytest.mark.parametrize(
    ("about", "changes"),
    [
        ("nodeCount", {"nodeCount": 0}),
        ("nodeCount", {"nodeCount": 11}),
        ("caMinNodeCount", {"caMinNodeCount": 3, "caMaxNodeCount": 2}),
        ("nodeCount", {"caEnable": True, "nodeCount": 3, "caMaxNodeCount": 2}),
        ("caScaleDownUtilThresh", {"caScaleDownUtilThresh": 101}),
        ("caScaleDownUnneededTime", {"caScaleDownUnneededTime": 0}),
        ("caScaleDownDelayAfterAdd", {"caScaleDownDelayAfterAdd": 1441}),
        ("endpointModelResourceList", {"endpointModelResourceList": []}),
        ("flavorId", {"flavorId": "nobody"}),
        ("endpointName", {"endpointName": "e" * 51}),
    ],
)
def test_instances_and_autoscaling(rules_api: Any, model: str, about: str, changes: dict[str, Any]) -> None:
    body = deployment(rules_api, model) | {"endpointName": "never"} | changes
    assert about in rules_api.refused("POST", "/endpoints", 400, json=body)


@pytest.mark.parametrize("verb", ["delete", "update", "events"])
def test_unknown_ids_are_not_found(rules_api: Any, verb: str) -> None:
    for plural, body in (("trainings", {"trainingName": "x"}), ("models", {"modelName": "x"})):
        path = f"/{plural}/00000000-0000-4000-8000-000000000000"
        if verb == "events":
            rules_api.refused("GET", f"{path}/events", 404)
        elif verb == "delete":
            rules_api.refused("DELETE", path, 404)
        else:
            rules_api.refused("PUT", path, 404, json=body)


def test_a_template_fills_in_what_a_training_leaves_out(rules_api: Any, experiment: str, template: Any) -> None:
    settings = {"hyperparameterList": parameters(2), "timeoutMinutes": 90, "description": "of the template"}
    made = template(200, imageId=rules_api.image(NOT_RUNNABLE), **settings)["trainingTemplateId"]
    body = {"trainingName": "from template", "experimentId": experiment, "trainingTemplateId": made}
    training = rules_api.create("trainings", "training", body | {"timeoutMinutes": 120})
    assert training["timeoutMinutes"] == 120
    assert training["hyperparameterList"] == parameters(2)
    assert training["trainingName"] == "from template"
    rules_api.ok("DELETE", f"/training-templates/{made}")
    rules_api.gone("training-templates", made)
    assert rules_api.get("trainings", "training", training["trainingId"])["timeoutMinutes"] == 120


@pytest.mark.parametrize(
    "query", ["limit=1&limit=2", "page=1&page=1", "sort=name&sort=-name", "name=a&name=b", "status=", "status=ACTIVE,"]
)
def test_list_queries_that_could_mean_two_things(rules_api: Any, query: str) -> None:
    """Two readers of one request, such as a proxy and this API, must not see different values."""
    assert query.split("=")[0] in rules_api.refused("GET", f"/experiments?{query}", 400)


@pytest.mark.parametrize("key", ["", "a" * 256, "ключ".encode(), b"\xe9", "a\tb"])
def test_idempotency_keys_are_printable_ascii(rules_api: Any, key: Any) -> None:
    body = {"experimentName": "keyed"}
    rules_api.refused("POST", "/experiments", 400, json=body, headers={"Idempotency-Key": key})
