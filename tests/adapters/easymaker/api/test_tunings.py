"""Hyperparameter tunings over REST on a real installation: from the request to the model of the best training."""

from typing import Any

import pytest

PLURAL, KEY = "hyperparameter-tunings", "hyperparameterTuning"
PROGRAM = """
import argparse, os, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
x = parser.parse_args().x
print(f"training with x of {x}", flush=True)
for step in (1, 2):
    print(f"score={x - 1 / step:.2f}", flush=True)
here = pathlib.Path(HERE)
while (here / "hold").exists():
    time.sleep(0.05)
if (here / "fail").exists():
    sys.exit(3)
(pathlib.Path(os.environ["EM_MODEL_DIR"]) / "model.joblib").write_text(str(x))
"""
GRID = [
    {
        "hyperparameterName": "x",
        "hyperparameterTypeCode": "int",
        "hyperparameterMinValue": "1",
        "hyperparameterMaxValue": "3",
    }
]


def body_of(installation: Any, name: str, experiment: str, **changes: Any) -> dict[str, Any]:
    """A grid of three trainings of a program that lies, with what says how it goes on, at nas://{name}:/."""
    home = installation.nas(name)
    (home / "source").mkdir(exist_ok=True)
    (home / "source" / "main.py").write_text(PROGRAM.replace("HERE", repr(str(home))))
    grid = {"hyperparameterSpecList": GRID, "tuningStrategyName": "GRID", "maxTrialCount": 10}
    places = {"sourceDirUri": f"nas://{name}:/source", "modelUploadUri": f"nas://{name}:/model"}
    return installation.api().tuning_body(experiment, **grid | places | changes)


@pytest.fixture(scope="module")
def tuned(installation: Any) -> dict[str, Any]:
    """A COMPLETE one, as it is shown."""
    api = installation.api()
    experiment = api.experiment("tunings")
    body = body_of(installation, "tuned", experiment, parallelTrialCount=2, objectiveGoal=100)
    made = api.create(PLURAL, KEY, body)["hyperparameterTuningId"]
    return api.wait(PLURAL, KEY, made)


def path_of(tuning: dict[str, Any], tail: str = "") -> str:
    return f"/{PLURAL}/{tuning['hyperparameterTuningId']}{tail}"


def test_it_ends_with_its_detail_its_counts_and_its_best_training(tuned: dict[str, Any]) -> None:
    """The guide's list: time spent, counts, best training, and COMPLETE with its detail in brackets."""
    ended = tuned["hyperparameterTuningStatusCode"], tuned["hyperparameterTuningStatusReason"]
    assert ended == ("COMPLETE", "SuggestionEndReached")
    counts = [tuned[f"{name}TrialCount"] for name in ("successful", "running", "failed", "earlyStopped", "killed")]
    assert counts == [3, 0, 0, 0, 0]
    assert tuned["optimalTrial"]["hyperparameterList"] == [{"parameterName": "x", "parameterValue": "3"}]
    assert tuned["optimalTrial"]["targetMetricValue"] == "2.50"
    assert tuned["optimalTrialId"] == tuned["optimalTrial"]["trialId"]
    assert tuned["elapsedTimeSeconds"] >= 0
    assert tuned["experiment"]["experimentStatusCode"] == "ACTIVE"


def test_its_trainings_are_listed(installation: Any, tuned: dict[str, Any]) -> None:
    trials = installation.api().ok("GET", path_of(tuned, "/trials"))["trialList"]
    assert [trial["hyperparameterList"][0]["parameterValue"] for trial in trials] == ["1", "2", "3"]
    assert {trial["trialStatusCode"] for trial in trials} == {"SUCCEEDED"}
    (metric,) = trials[1]["trialMetricList"]
    values = [metric[f"trialMetric{which}Value"] for which in ("Min", "Max", "Latest")]
    assert (metric["trialMetricName"], *values) == ("score", "1.00", "1.50", "1.50")
    for trial in trials:
        place = installation.nas("tuned") / "model" / trial["trialId"] / "model.joblib"
        assert place.read_text() == trial["hyperparameterList"][0]["parameterValue"]


def test_every_value_of_a_metric_is_kept(installation: Any, tuned: dict[str, Any]) -> None:
    api, path = installation.api(), path_of(tuned, "/metrics")
    whole = api.ok("GET", path)["metricSeriesList"]
    assert len(whole) == 3
    one = api.ok("GET", path, params={"trialId": tuned["optimalTrialId"]})["metricSeriesList"]
    assert one == [series for series in whole if series["trialId"] == tuned["optimalTrialId"]]
    assert [value["value"] for value in one[0]["valueList"]] == ["2.00", "2.50"]
    assert "no training" in api.refused("GET", path, 404, params={"trialId": "nobody"})
    assert "trialId" in api.refused("GET", f"{path}?trialId=a&trialId=b", 400)


def test_logs_of_a_tuning_and_of_each_training(installation: Any, tuned: dict[str, Any]) -> None:
    api, path = installation.api(), path_of(tuned, "/logs")
    best = {"trialId": tuned["optimalTrialId"]}
    log = api.ok("GET", path, params=best)["log"]
    assert "training with x of 3" in log["content"]
    assert log["isComplete"]
    assert b"training with x of 3" in api.call("GET", path, params=best | {"follow": "true"}).content
    own = api.ok("GET", path)["log"]
    assert "training with x" not in own["content"]
    assert own["isComplete"]
    for follow in ({}, {"follow": "true"}):
        assert "no training" in api.refused("GET", path, 404, params={"trialId": "nobody"} | follow)


def test_a_model_is_made_of_the_best_training_and_guards_it(installation: Any, tuned: dict[str, Any]) -> None:
    api, tuning = installation.api(), tuned["hyperparameterTuningId"]
    model = api.create("models", "model", {"modelName": "best", "hyperparameterTuningId": tuning})
    assert model["modelUploadUri"] == f"nas://tuned:/model/{tuned['optimalTrialId']}"
    assert model["modelFormatCode"] == "SKLEARN"
    shown = api.wait("models", "model", model["modelId"])
    assert shown["modelStatusCode"] == "ACTIVE", shown["modelStatusReason"]
    assert shown["hyperparameterTuning"]["hyperparameterTuningStatusCode"] == "COMPLETE"
    of_tuning = api.ok("GET", f"/models?hyperparameterTuningId={tuning}")["modelList"]
    assert [each["modelId"] for each in of_tuning] == [model["modelId"]]
    assert [each["modelId"] for each in api.get(PLURAL, KEY, tuning)["modelList"]] == [model["modelId"]]
    assert "model best" in api.refused("DELETE", path_of(tuned), 409)
    assert "hyperparameter tuning" in api.refused("DELETE", f"/experiments/{tuned['experiment']['experimentId']}", 409)
    api.ok("DELETE", f"/models/{model['modelId']}")
    api.gone("models", model["modelId"])


def test_a_copy_has_the_settings_and_takes_changes(installation: Any, tuned: dict[str, Any]) -> None:
    api = installation.api()
    shown = api.ok("GET", path_of(tuned, "/copy"))[KEY]
    assert (shown["hyperparameterTuningName"], shown["instanceCount"]) == ("tuning", 2)
    changes = {"hyperparameterTuningName": "copy", "objectiveGoal": 1.4, "parallelTrialCount": 1, "instanceCount": 1}
    copy = api.ok("POST", path_of(tuned, "/copy"), json=changes)[KEY]
    assert copy["hyperparameterSpecList"] == GRID
    assert copy["metricRegex"] == tuned["metricRegex"]
    ended = api.wait(PLURAL, KEY, copy["hyperparameterTuningId"])
    assert (ended["hyperparameterTuningStatusReason"], ended["successfulTrialCount"]) == ("GoalReached", 2)
    assert "instanceCount" in api.refused("POST", path_of(tuned, "/copy"), 400, json={"instanceCount": 3})


def test_a_template_fills_in_what_a_tuning_has_in_common_with_a_training(installation: Any) -> None:
    """Its hyperparameters are fixed values, which a tuning looks for; its nodes are those of each training."""
    api = installation.api()
    experiment = api.experiment("templates of tunings")
    body = body_of(installation, "template", experiment)
    common = ("imageId", "flavorId", "sourceDirUri", "entryPoint", "modelUploadUri", "timeoutMinutes")
    given = {name: body.pop(name) for name in common} | {"trainingTemplateName": "t", "instanceCount": 2}
    given["hyperparameterList"] = [{"parameterName": "x", "parameterValue": "7"}]
    template = api.create("training-templates", "trainingTemplate", given)["trainingTemplateId"]
    body |= {"trainingTemplateId": template, "parallelTrialCount": 3, "imageId": api.image("Image Classification CPU")}
    made = api.create(PLURAL, KEY, body)
    assert (made["entryPoint"], made["instanceCount"]) == ("main.py", 6)
    assert made["image"]["imageName"] == "Image Classification CPU", "what the body says wins"


def test_a_running_one_has_to_be_stopped_before_it_is_deleted(installation: Any) -> None:
    api = installation.api()
    body = body_of(installation, "stopped", api.experiment("stopped tunings"), parallelTrialCount=2)
    hold = installation.nas("stopped") / "hold"
    hold.touch()
    made = api.create(PLURAL, KEY, body)
    api.wait(PLURAL, KEY, made["hyperparameterTuningId"], {"RUNNING"})
    assert "stop it first" in api.refused("DELETE", path_of(made), 409)
    assert "RUNNING" in api.refused(
        "POST", "/models", 400, json={"modelName": "m", "hyperparameterTuningId": made["hyperparameterTuningId"]}
    )
    api.ok("PUT", path_of(made, "/stop"))
    ended = api.wait(PLURAL, KEY, made["hyperparameterTuningId"])
    assert ended["hyperparameterTuningStatusCode"] == "STOPPED"
    assert ended["runningTrialCount"] == 0
    trials = api.ok("GET", path_of(made, "/trials"))["trialList"]
    assert {trial["trialStatusCode"] for trial in trials} <= {"KILLED", "CREATED"}
    api.ok("DELETE", path_of(made))
    api.gone(PLURAL, made["hyperparameterTuningId"])
    api.refused("GET", path_of(made, "/trials"), 404)


def test_too_many_failures_fail_it(installation: Any) -> None:
    api = installation.api()
    body = body_of(installation, "failing", api.experiment("failing tunings"), maxFailedTrialCount=2)
    (installation.nas("failing") / "fail").touch()
    made = api.create(PLURAL, KEY, body)
    ended = api.wait(PLURAL, KEY, made["hyperparameterTuningId"])
    assert ended["hyperparameterTuningStatusCode"] == "FAIL_HYPERPARAMETER_TUNING"
    assert "MaxFailedTrialsReached" in ended["hyperparameterTuningStatusReason"]
    assert ended["failedTrialCount"] == 2
    trials = api.ok("GET", path_of(made, "/trials"))["trialList"]
    assert {trial["trialStatusCode"] for trial in trials} == {"FAILED"}
    assert all("3" in trial["trialStatusReason"] for trial in trials)
    events = api.ok("GET", path_of(made, "/events"))["eventList"]
    assert [event["toStatusCode"] for event in events][-2:] == [
        "FAIL_HYPERPARAMETER_TUNING_IN_PROGRESS",
        "FAIL_HYPERPARAMETER_TUNING",
    ]
    assert events[-1]["reason"] == ended["hyperparameterTuningStatusReason"]


def test_wrong_settings_are_told_before_anything_is_made(installation: Any) -> None:
    api = installation.api()
    experiment = api.experiment("wrong tunings")
    wrong = {"metricRegex": "(", "instanceCount": 3, "parallelTrialCount": 2, "objectiveMetric": {"name": "other"}}
    told = api.refused("POST", f"/{PLURAL}", 400, json=api.tuning_body(experiment, **wrong))
    for field in ("metricRegex", "instanceCount", "objectiveMetric"):
        assert f"{field}: " in told
    assert "hyperparameterList" in api.refused(
        "POST", f"/{PLURAL}", 400, json=api.tuning_body(experiment, hyperparameterList=[])
    )
    assert api.ok("GET", f"/{PLURAL}?experimentId={experiment}")["totalCount"] == 0


def test_a_costly_pattern_is_refused_at_once(installation: Any) -> None:
    """RE2 bounds what a pattern may become in memory; nothing of it is kept."""
    api = installation.api()
    body = api.tuning_body(api.experiment("costly"), metricRegex="((((a{100}){100}){100}){100})(b)")
    assert "metricRegex" in api.refused("POST", f"/{PLURAL}", 400, json=body)
