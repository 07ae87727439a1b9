"""Hyperparameter tunings as drivers carry them out, the same on every engine."""

from numbers import Real
from typing import Any

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.errors import NotFound, PermanentEngineError
from adapters.easymaker.kinds.record import Goal, Json
from tests.conformance.life import Life
from tests.conformance.world import World, until

pytestmark = pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)
LIMITS = {"cpu", "memory", "disk", "time", "sandbox"}


def running(world: World, **changes: object) -> str:
    made = world.new("hyperparameter-tuning", **{"maxTrialCount": 2} | changes)
    world.settle(made, Phase.RUNNING)
    until(lambda: world.runs(made), lambda: "its first training has begun")
    return made


def report(world: World, made: str, path: str, **query: str) -> list[Json]:
    driver: Any = world.driver(made)
    return driver.report(path, world.family(made), query)


def conditions(world: World, made: str) -> list[str]:
    return [trial["trialStatusCode"] for trial in report(world, made, "trials")]


def test_before_its_start_nothing_is_there_and_everything_may_be_asked(world: World) -> None:
    made = world.new("hyperparameter-tuning")
    driver = world.driver(made)
    assert driver.observe(world.family(made)).phase is Phase.MISSING
    driver.stop(world.family(made, Goal.STOPPED))
    world.release(made)
    assert driver.observe(world.family(made)).phase is Phase.MISSING
    assert world.remains(world.record(made)) == []
    assert report(world, made, "trials") == report(world, made, "metrics") == []
    world.remove(made)
    assert world.runs(made) == 0


def test_started_from_everywhere_at_once_it_runs_once(world: World) -> None:
    made = world.new("hyperparameter-tuning", parallelTrialCount=1)
    with world.replica() as others:
        world.start_at_once(made, others)
        world.settle(made, Phase.RUNNING)
        until(lambda: world.runs(made), lambda: "its first training has begun")
        until(lambda: conditions(world, made) == ["RUNNING"], lambda: f"one runs: {conditions(world, made)}")
        things = world.remains(world.record(made))
        assert len(things) == len(set(things))
        world.start(made, others)
        world.start(made)
        assert world.observe(made).phase is Phase.RUNNING
    assert world.runs(made) == 1


def test_while_it_runs_the_details_that_answers_show_are_there(world: World) -> None:
    made = running(world, parallelTrialCount=2)
    until(lambda: conditions(world, made) == ["RUNNING"] * 2, lambda: f"two run: {conditions(world, made)}")
    seen = world.observe(made)
    assert isinstance(seen.detail["startedAt"], Real)
    assert seen.detail["finishedAt"] is None
    assert set(seen.detail["limits"]) == LIMITS
    assert (seen.detail["runningTrialCount"], seen.detail["successfulTrialCount"]) == (2, 0)
    assert seen.detail["optimalTrial"] is None
    first, second = report(world, made, "trials")
    assert first["trialId"] != second["trialId"]
    assert first["hyperparameterList"] != second["hyperparameterList"]


def test_one_that_ends_well_keeps_its_results_whatever_is_asked_of_it(world: World) -> None:
    made = running(world)
    world.succeed(made)
    ended = world.settle(made, Phase.SUCCEEDED)
    assert ended.reason == "MaxTrialsReached"
    assert (ended.detail["successfulTrialCount"], ended.detail["runningTrialCount"]) == (2, 0)
    assert ended.detail["finishedAt"] >= ended.detail["startedAt"]
    best = ended.detail["optimalTrial"]
    assert (best["targetMetricValue"], best["trialStatusCode"]) == ("0.5", "SUCCEEDED")
    assert best["modelUploadUri"].endswith(f"/{best['trialId']}")
    world.start(made)
    world.driver(made).stop(world.family(made))
    for _ in range(2):
        world.release(made)
    after = world.observe(made)
    assert (after.phase, after.reason) == (Phase.SUCCEEDED, ended.reason)
    assert after.detail["finishedAt"] == ended.detail["finishedAt"]
    assert conditions(world, made) == ["SUCCEEDED"] * 2
    assert world.runs(made) == 2


def test_every_combination_of_a_small_space_is_tried_once(world: World) -> None:
    made = running(world, maxTrialCount=9, tuningStrategyName="GRID", **small(world))
    world.succeed(made)
    ended = world.settle(made, Phase.SUCCEEDED)
    assert ended.reason == "SuggestionEndReached"
    assert ended.detail["successfulTrialCount"] == 2
    values = [trial["hyperparameterList"] for trial in report(world, made, "trials")]
    assert sorted(each["parameterValue"] for each in (row[0] for row in values)) == ["a b", "it's"]


def small(world: World) -> Json:
    """With values that a shell, or a template, would take for something else."""
    odd = {"hyperparameterTypeCode": "categorical", "hyperparameterSpecifiedValues": "a b, it's"}
    others = world.needs("hyperparameter-tuning").get("hyperparameterSpecList", [])[1:]
    return {"hyperparameterSpecList": [{"hyperparameterName": "odd"} | odd, *others]}


def test_a_goal_ends_it_early(world: World) -> None:
    made = running(world, maxTrialCount=9, objectiveGoal=0.5)
    world.succeed(made)
    ended = world.settle(made, Phase.SUCCEEDED)
    assert ended.reason == "GoalReached"
    assert ended.detail["successfulTrialCount"] == 1


def test_too_many_failures_say_which_exit_code(world: World) -> None:
    made = running(world, maxTrialCount=9, maxFailedTrialCount=1)
    world.fail(made, 3)
    failed = world.settle(made, Phase.FAILED)
    assert failed.reason.startswith("MaxFailedTrialsReached: ")
    assert "exit code 3" in failed.reason
    assert failed.detail["failedTrialCount"] == 1
    world.release(made)
    again = world.observe(made)
    assert (again.phase, again.reason) == (Phase.FAILED, failed.reason)


def test_a_stopped_one_keeps_what_it_has_and_stays_stopped(world: World) -> None:
    made = running(world, maxTrialCount=9, parallelTrialCount=2)
    until(lambda: conditions(world, made) == ["RUNNING"] * 2, lambda: f"two run: {conditions(world, made)}")
    world.stop(made)
    seen = world.observe(made)
    assert (seen.detail["runningTrialCount"], seen.detail["killedTrialCount"]) == (0, 2)
    assert isinstance(seen.detail["finishedAt"], Real)
    world.driver(made).stop(world.family(made))
    world.release(made)
    world.release(made)
    assert world.observe(made).phase is Phase.STOPPED
    assert conditions(world, made) == ["KILLED"] * 2
    # One that was stopped while it was being prepared has not run; none runs twice.
    assert world.runs(made) <= 2


def test_what_runs_when_it_is_over_is_ended_before_it_is_done(world: World) -> None:
    """The goal is reached by one of two; the other is not left running."""
    made = running(world, maxTrialCount=9, parallelTrialCount=2, objectiveGoal=0.5)
    until(lambda: conditions(world, made) == ["RUNNING"] * 2, lambda: f"two run: {conditions(world, made)}")
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)
    world.rows.change(made, status="COMPLETE_IN_PROGRESS")
    world.release(made)
    assert world.observe(made).detail["runningTrialCount"] == 0


def test_reports_and_logs_are_of_trials_that_there_are(world: World) -> None:
    made = running(world)
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)
    driver: Any = world.driver(made)
    first, second = report(world, made, "trials")
    assert {series["trialId"] for series in report(world, made, "metrics")} == {first["trialId"], second["trialId"]}
    (series,) = report(world, made, "metrics", trialId=second["trialId"])
    assert (series["trialMetricName"], series["valueList"][-1]["value"]) == ("score", "0.5")
    for ask in (lambda: report(world, made, "metrics", trialId="no-such-one"), lambda: part_log(world, made, "none")):
        with pytest.raises(NotFound):
            ask()
    assert isinstance(part_log(world, made, first["trialId"])[0], bytes)
    world.rows.change(made, status="COMPLETE")
    whole, more = driver.read_log(world.family(made), 0, 1 << 20)
    assert more is False
    assert first["trialId"].encode() in whole
    assert driver.read_log(world.family(made), 5, 10) == (whole[5:15], True)
    assert driver.read_log(world.family(made), len(whole), 10) == (b"", False)


def part_log(world: World, made: str, trial: str) -> tuple[bytes, bool]:
    driver: Any = world.driver(made)
    return driver.read_part_log(world.family(made), trial, 0, 1 << 20)


def test_removed_while_it_runs_it_leaves_nothing(world: World) -> None:
    made = running(world, maxTrialCount=9, parallelTrialCount=2)
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)
    assert world.driver(made).remove(world.family(made)) is True


def test_removed_after_its_end_it_leaves_nothing(world: World) -> None:
    made = running(world)
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)


def test_an_engine_that_begins_anew_sees_the_same_and_goes_on(world: World) -> None:
    made = running(world, parallelTrialCount=1)
    until(lambda: conditions(world, made) == ["RUNNING"], lambda: f"one runs: {conditions(world, made)}")
    before = world.observe(made)
    with world.replica() as others:
        until(
            lambda: world.observe(made, others).detail == world.observe(made).detail,
            lambda: f"{world.observe(made, others)}",
        )
        after = world.observe(made, others)
        assert (after.phase, after.reason) == (before.phase, before.reason)
        others["hyperparameter-tuning"].start(world.family(made))
        world.succeed(made)
        world.settle(made, Phase.SUCCEEDED, drivers=others)
        assert world.runs(made) == 2
        record = world.record(made)
        world.remove(made, others)
    world.nothing_left(record)


@pytest.mark.parametrize("gone", ["imageId", "flavorId"])
def test_what_the_catalogue_no_longer_has_fails_it_for_good(world: World, gone: str) -> None:
    made = world.new("hyperparameter-tuning")
    world.rows.change(made, spec=world.record(made).spec | {gone: "no-such-entry"})
    with pytest.raises(PermanentEngineError, match="no longer in the catalogue"):
        world.driver(made).start(world.family(made))
    assert world.driver(made).observe(world.family(made)).phase is Phase.MISSING


@pytest.mark.parametrize("end", ["COMPLETE", "STOPPED", "FAIL_HYPERPARAMETER_TUNING"])
def test_whole_lives_through_the_loops_decisions(world: World, end: str) -> None:
    life = Life(world, world.new("hyperparameter-tuning", maxTrialCount=2, maxFailedTrialCount=1))
    life.reach("RUNNING")
    (made,) = life.ids
    until(lambda: world.runs(made), lambda: "its first training has begun")
    if end == "STOPPED":
        world.rows.act(made, "stop")
    elif end == "COMPLETE":
        world.succeed(made)
    else:
        world.fail(made, 4)
    life.reach(end)
    on_the_way = {
        "COMPLETE": ["COMPLETE_IN_PROGRESS"],
        "STOPPED": ["STOP_IN_PROGRESS"],
        "FAIL_HYPERPARAMETER_TUNING": ["FAIL_HYPERPARAMETER_TUNING_IN_PROGRESS"],
    }
    assert life.history() == ["CREATE_REQUESTED", "CREATE_IN_PROGRESS", "RUNNING", *on_the_way[end], end]
    record = world.record(made)
    life.end()
    world.nothing_left(record)
