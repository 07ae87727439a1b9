"""Whole tunings on one machine: the real driver, controller, launcher and services, with a small script."""

import json
from dataclasses import replace

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.local import tuning_services
from adapters.easymaker.errors import NotFound
from adapters.easymaker.kinds.record import Family
from tests.adapters.easymaker.engines.local.tuning.tuning_world import TuningWorld
from tests.conftest import PATIENCE, wait_for

CATEGORIES = {
    "hyperparameterName": "kind",
    "hyperparameterTypeCode": "categorical",
    "hyperparameterSpecifiedValues": "a, b, c",
}


def test_a_tuning_from_its_start_to_its_deletion(world: TuningWorld) -> None:
    record = world.tuning(maxTrialCount=4, parallelTrialCount=2)
    seen = world.finish(record)
    family = Family(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "MaxTrialsReached")
    assert seen.detail["successfulTrialCount"] == 4
    assert world.conditions(record) == ["SUCCEEDED"] * 4
    assert len(set(world.runs())) == 4, "each with other values"
    best = min(world.runs(), key=lambda x: abs(float(x) - 0.3))
    assert seen.detail["optimalTrial"]["hyperparameterList"] == [{"parameterName": "x", "parameterValue": best}]
    first, *_ = told = world.driver.report("trials", family, {})
    assert [each["trialStatusCode"] for each in told] == ["SUCCEEDED"] * 4
    loss = next(each for each in first["trialMetricList"] if each["trialMetricName"] == "loss")
    last = f"{(float(first['hyperparameterList'][0]['parameterValue']) - 0.3) ** 2:.6f}"
    assert (loss["trialMetricMinValue"], loss["trialMetricLatestValue"]) == (last, last)
    series = world.driver.report("metrics", family, {"trialId": first["trialId"]})
    assert {each["trialMetricName"]: len(each["valueList"]) for each in series} == {"loss": 4, "accuracy": 1}
    assert {each["trialId"] for each in world.driver.report("metrics", family, {})} == {
        each["trialId"] for each in told
    }
    assert "step 2" in world.trial_log(record, first["trialId"])
    with pytest.raises(NotFound):
        world.driver.read_part_log(family, "no-such", 0, 10)
    for trial in told:
        model = world.home.nas_of(record.appkey) / "out" / "models" / trial["trialId"] / "model.txt"
        assert model.read_text() == trial["hyperparameterList"][0]["parameterValue"]
    log = world.driver.read_log(family, 0, 1 << 20)[0].decode()
    assert log.count(": x=") == 4
    assert "has ended: MaxTrialsReached; 4 succeeded" in log
    assert world.output(record) == ""
    wait_for(lambda: world.pid(f"tuning-{record.id}") is None, PATIENCE, "the controller is gone")
    world.driver.release(family)
    assert not list(world.home.jobs.glob("*/trials/*/*/work"))
    world.delete(record)
    assert world.remains(record) == []


def test_a_reached_goal_ends_those_that_still_run(world: TuningWorld) -> None:
    (world.control / "hold").touch()
    record = world.tuning(parallelTrialCount=2, maxTrialCount=9, objectiveGoal=1.0)
    world.drive(record, lambda _: len(world.runs()) == 2, "both run")
    (world.control / f"go-{world.runs()[0]}").touch()
    seen = world.finish(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "GoalReached")
    assert sorted(world.conditions(record)) == ["KILLED", "SUCCEEDED"]
    assert (seen.detail["killedTrialCount"], seen.detail["successfulTrialCount"]) == (1, 1)


def test_failed_trials_end_a_tuning_when_there_are_too_many(world: TuningWorld) -> None:
    (world.control / "fail").write_text("3")
    record = world.tuning(parallelTrialCount=1, maxTrialCount=5, maxFailedTrialCount=2)
    seen = world.finish(record)
    assert seen.phase is Phase.FAILED
    assert seen.reason.startswith("MaxFailedTrialsReached: 2 trainings have failed")
    assert "exit code 3" in seen.reason
    assert world.conditions(record) == ["FAILED", "FAILED"]
    assert seen.detail["failedTrialCount"] == 2


def test_a_trial_without_the_metric_has_none_and_counts_as_failed(world: TuningWorld) -> None:
    record = world.tuning(
        parallelTrialCount=1, maxTrialCount=2, metricList=[{"name": "f1"}], objectiveMetric={"name": "f1"}
    )
    seen = world.finish(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "MaxTrialsReached")
    assert world.conditions(record) == ["METRICS_UNAVAILABLE"] * 2
    assert seen.detail["metricsUnavailableTrialCount"] == 2
    assert seen.detail["optimalTrial"] is None
    (reason,) = {each["trialStatusReason"] for each in world.driver.report("trials", Family(record), {})}
    assert "no value of f1" in reason


@pytest.mark.parametrize("strategy", ["GRID", "RANDOM", "BAYESIAN_OPTIMIZATION"])
def test_a_space_that_is_used_up_ends_the_tuning(world: TuningWorld, strategy: str) -> None:
    most = 9 if strategy == "GRID" else None
    record = world.tuning(
        tuningStrategyName=strategy, hyperparameterSpecList=[CATEGORIES], parallelTrialCount=3, maxTrialCount=most
    )
    seen = world.finish(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "SuggestionEndReached")
    kinds = [dict(trial.assignments)["kind"] for trial in world.ledger(record).ordered]
    assert sorted(kinds) == ["a", "b", "c"]


def test_several_nodes_work_on_one_trial(world: TuningWorld) -> None:
    nodes = """
import json, os
config = json.loads(os.environ["TF_CONFIG"])
with open("{control}/runs", "a") as runs:
    runs.write(f"{{config['task']['index']}} of {{len(config['cluster']['worker'])}}\\n")
if config["task"]["index"] == 0:
    print("loss=0.5", flush=True)
"""
    world.script(text=nodes)
    record = world.tuning(instanceCount=4, parallelTrialCount=2, maxTrialCount=2)
    seen = world.finish(record)
    assert world.conditions(record) == ["SUCCEEDED"] * 2, world.log(record)
    runs = (world.control / "runs").read_text().splitlines()
    assert sorted(runs) == ["0 of 2", "0 of 2", "1 of 2", "1 of 2"]
    assert seen.detail["optimalTrial"]["targetMetricValue"] == "0.5"


def test_a_failing_node_ends_the_others_of_its_trial(world: TuningWorld) -> None:
    nodes = """
import json, os, sys, time
if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1:
    sys.exit(5)
time.sleep(600)
"""
    world.script(text=nodes)
    record = world.tuning(instanceCount=2, parallelTrialCount=1, maxTrialCount=1)
    world.finish(record)
    (trial,) = world.ledger(record).ordered
    assert trial.condition == "FAILED"
    assert "node 1" in trial.reason
    assert "exit code 5" in trial.reason


def test_a_stop_by_the_user_ends_all_trials(world: TuningWorld) -> None:
    (world.control / "hold").touch()
    record = world.tuning(parallelTrialCount=2)
    world.drive(record, lambda _: len(world.runs()) == 2, "both run")
    stopped = world.stop(record)
    seen = world.drive(stopped, lambda seen: seen.phase is Phase.STOPPED, "it has stopped")
    assert seen.detail["killedTrialCount"] == 2
    assert world.conditions(record) == ["KILLED", "KILLED"]
    assert all(world.runner.observe(name).over for name in world.processes_of(record))
    world.delete(stopped)
    assert world.remains(record) == []


def test_what_no_service_accepts_fails_with_every_problem(world: TuningWorld) -> None:
    record = world.tuning(tuningStrategyName="GRID", maxTrialCount=50)
    broken = replace(record, spec=record.spec | {"earlyStoppingAlgorithm": "MEDIAN", "earlyStoppingMinTrialCount": 0})
    seen = world.finish(broken)
    assert seen.phase is Phase.FAILED
    assert seen.reason.startswith("SuggestionFailed: ")
    assert world.conditions(record) == []


def test_a_trial_that_floods_its_log_with_a_hostile_pattern_is_bounded(world: TuningWorld) -> None:
    world.script(text="print(('loss' * 4000 + 'x' * 9000 + '\\\\n') * 300)\nprint('loss=0.25')")
    record = world.tuning(parallelTrialCount=2, maxTrialCount=2, metricRegex=r"(loss|l|o|s|x)+?(x*)*z|(loss)=(\S+)")
    world.finish(record)
    assert world.conditions(record) == ["METRICS_UNAVAILABLE"] * 2, world.log(record)


def test_a_running_trial_shows_its_metrics(world: TuningWorld) -> None:
    (world.control / "hold").touch()
    record = world.tuning(parallelTrialCount=1, maxTrialCount=1)

    def shown() -> list[str]:
        return [
            metric["trialMetricLatestValue"]
            for trial in world.driver.report("trials", Family(record), {})
            for metric in trial["trialMetricList"]
        ]

    world.drive(record, lambda _: shown(), "a metric is shown")
    assert json.loads(shown()[0]) > 0.3
    (world.control / "hold").unlink()
    world.finish(record)


def test_the_services_are_private_and_end_when_nobody_needs_them(
    world: TuningWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = world.tuning(maxTrialCount=1, parallelTrialCount=1)
    world.finish(record)
    assert world.services.directory.stat().st_mode & 0o777 == 0o700
    assert {part.state for part in world.services.parts()} == {"RUNNING"}
    wait_for(lambda: world.pid(f"tuning-{record.id}") is None, PATIENCE, "the controller is gone")
    monkeypatch.setattr(tuning_services, "IDLE_SECONDS", -1.0)
    world.services.supervise()
    wait_for(lambda: world.services.parts() == [], PATIENCE, "the services have ended")
