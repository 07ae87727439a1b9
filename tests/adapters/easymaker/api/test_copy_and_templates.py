"""Copy and templates: what is taken over, what a body changes or drops, and that the rules still hold."""

import uuid
from typing import Any

import pytest


@pytest.fixture(scope="module")
def experiment(installation: Any) -> str:
    return installation.api().experiment("copies")


def template_body(api: Any, **changes: Any) -> dict[str, Any]:
    body = api.training_body("unused", description="of the template") | {"trainingTemplateName": "template"}
    for name in ("trainingName", "experimentId"):
        del body[name]
    return body | {"hyperparameterList": [{"parameterName": "epochs", "parameterValue": "3"}]} | changes


def test_training_from_a_template_takes_settings_and_can_change_or_drop_them(api: Any, experiment: str) -> None:
    template = api.create("training-templates", "trainingTemplate", template_body(api))
    assert template["trainingTemplateStatusCode"] == "ACTIVE"
    body = {
        "trainingTemplateId": template["trainingTemplateId"],
        "trainingName": "from template",
        "experimentId": experiment,
        "entryPoint": "other.py",
        "hyperparameterList": None,
    }
    made = api.create("trainings", "training", body)
    assert made["entryPoint"] == "other.py", "what the body says wins"
    assert not made["hyperparameterList"], "null drops what the template says"
    assert made["sourceDirUri"] == "nas://code:/"
    assert made["description"] == "", "a template's description is its own"
    assert made["trainingName"] == "from template"


def test_template_change_is_checked_like_a_new_one(api: Any) -> None:
    made = api.create("training-templates", "trainingTemplate", template_body(api))
    path = f"/training-templates/{made['trainingTemplateId']}"
    changed = api.ok("PUT", path, json=template_body(api, trainingTemplateName="renamed", instanceCount=2))
    assert changed["trainingTemplate"]["trainingTemplateName"] == "renamed"
    assert changed["trainingTemplate"]["instanceCount"] == 2
    assert "torchrun" in api.refused("PUT", path, 400, json=template_body(api, useTorchrun=True))
    api.ok("DELETE", path)
    api.gone("training-templates", made["trainingTemplateId"])


def test_copy_of_a_training_has_its_settings_and_runs_of_its_own(api: Any, experiment: str) -> None:
    original = api.create("trainings", "training", api.training_body(experiment, description="the first"))
    path = f"/trainings/{original['trainingId']}/copy"
    shown = api.ok("GET", path)["training"]
    assert shown["trainingName"] == "training"
    copy = api.ok("POST", path, json={"trainingName": "second"})["training"]
    assert copy["trainingId"] != original["trainingId"]
    assert (copy["trainingName"], copy["description"]) == ("second", "the first")
    for name in ("sourceDirUri", "entryPoint", "modelUploadUri", "timeoutMinutes"):
        assert copy[name] == original[name]
    assert api.ok("POST", path)["training"]["trainingName"] == "training", "without a body everything is taken over"
    assert "instanceCount" in api.refused("POST", path, 400, json={"instanceCount": 11})


def test_same_idempotency_key_creates_once_and_refuses_another_body(api: Any) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first = api.ok("POST", "/experiments", json={"experimentName": "once"}, headers=headers)["experiment"]
    again = api.ok("POST", "/experiments", json={"experimentName": "once"}, headers=headers)["experiment"]
    assert again["experimentId"] == first["experimentId"]
    message = api.refused("POST", "/experiments", 409, json={"experimentName": "twice"}, headers=headers)
    assert "Idempotency-Key" in message


def test_rename_and_description_change_show_in_events(api: Any) -> None:
    made = api.experiment("before")
    changed = api.ok("PUT", f"/experiments/{made}", json={"experimentName": "after", "description": "new"})
    assert changed["experiment"]["experimentName"] == "after"
    assert changed["experiment"]["description"] == "new"
    last = api.ok("GET", f"/experiments/{made}/events")["eventList"][-1]
    assert (last["actor"], last["reason"]) == ("owner", "changed")
    assert "nothing to change" in api.refused("PUT", f"/experiments/{made}", 400, json={})
