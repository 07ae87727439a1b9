"""kill -9 of every part of a tuning, at every point: no trial is lost or run twice, and the counts are right."""

import os
import signal
from contextlib import suppress

import psutil
import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.local.environments import Environments
from adapters.easymaker.engines.local.platform import LocalPlatform
from adapters.easymaker.kinds.record import Record
from tests.adapters.easymaker.engines.local.tuning.tuning_world import STOPPED_EARLY, TuningWorld
from tests.conftest import PATIENCE, wait_for

# Each life of the controller ends there, so it gets one or two records, or one process, further than the one before.
POINTS = ("tuning.before_append:3", "tuning.after_append:2", "process.before_spawn:2", "process.after_spawn:1")


@pytest.mark.parametrize("point", POINTS)
def test_a_controller_that_dies_at_each_step_of_its_way(world: TuningWorld, point: str) -> None:
    world.script(text=STOPPED_EARLY)
    world.runner.crash_at = point
    record = world.early_stopping_tuning()
    seen = world.finish(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "MaxTrialsReached")
    assert world.conditions(record) == ["SUCCEEDED", "EARLY_STOPPED", "EARLY_STOPPED"], world.log(record)
    assert len(world.runs()) == 3, "each trial has begun once"
    assert world.deaths >= (len(world.events(record)) // 2 - 1 if "append" in point else 2)
    assert world.driver_series(record)[0] == ["2", "1", "0.5"], "neither lost nor read twice"


@pytest.mark.parametrize(
    ("service", "whose"), [("katib-suggestion", "process"), ("katib-early-stopping", "supervisor")]
)
def test_a_killed_service_is_started_again_and_asked_again(world: TuningWorld, service: str, whose: str) -> None:
    world.script(text=STOPPED_EARLY)
    record = world.early_stopping_tuning()
    for conditions in (1, 2):
        world.drive(record, lambda _, n=conditions: len(world.ledger(record).trials) >= n, "the next trial is there")
        victim = world.pid(service) if whose == "process" else world.wrapper_pid(service)
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
    world.finish(record)
    assert world.conditions(record)[0] == "SUCCEEDED"
    assert len(world.runs()) == 3, world.log(record)
    assert len(set(world.conditions(record)[1:])) == 1, "the third trial had rules as the second"


def begin(world: TuningWorld, **settings: int) -> Record:
    """A tuning of three trials, whose first two run, and wait."""
    (world.control / "hold").touch()
    record = world.tuning(parallelTrialCount=2, maxTrialCount=3, **settings)
    world.drive(record, lambda _: len(world.runs()) == 2, "both run")
    return record


def part_of_a_trial(world: TuningWorld, record: Record, which: str) -> int:
    """A process of the first trial: the user's program, the launcher, or the supervisor of both."""
    name = world.processes_of(record)[0]
    if which == "supervisor":
        found = world.wrapper_pid(name)
        assert found is not None
        return found
    main = world.pid(name)
    assert main is not None
    mark = "main.py" if which == "program" else "kfp_components.easymaker.launcher"
    for process in [psutil.Process(main), *psutil.Process(main).children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            words = process.cmdline()
            if not words[0].endswith("bwrap") and any(word.split("/")[-1] == mark for word in words):
                return process.pid
    raise AssertionError(f"no {which} below {main}")


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ("program", "signal 9 (SIGKILL)"),
        ("launcher", "killed by SIGKILL"),
        ("supervisor", "supervisor was killed"),
    ],
)
def test_a_killed_trial_fails_alone_and_another_one_follows(world: TuningWorld, which: str, reason: str) -> None:
    record = begin(world)
    os.kill(part_of_a_trial(world, record, which), signal.SIGKILL)
    world.drive(record, lambda seen: seen.detail.get("failedTrialCount") == 1, "the trial has failed")
    world.drive(record, lambda _: len(world.runs()) == 3, "the third trial runs")
    (world.control / "hold").unlink()
    seen = world.finish(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "MaxTrialsReached")
    assert world.conditions(record) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert reason in world.ledger(record).trials[1].reason
    assert len(world.runs()) == 3


@pytest.mark.parametrize("whose", ["process", "supervisor"])
def test_trials_go_on_while_their_controller_is_dead(world: TuningWorld, whose: str) -> None:
    record = begin(world)
    name = f"tuning-{record.id}"
    victim = world.pid(name) if whose == "process" else world.wrapper_pid(name)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: world.runner.observe(name).over, PATIENCE, "the controller is dead")
    (world.control / "hold").unlink()
    wait_for(
        lambda: all(world.runner.observe(each).over for each in world.processes_of(record)), PATIENCE, "both have ended"
    )
    # An adapter that was killed, too, remembers nothing.
    world.driver = world.make_driver()
    seen = world.finish(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "MaxTrialsReached")
    assert world.conditions(record) == ["SUCCEEDED"] * 3
    assert len(world.runs()) == 3


def test_a_controller_that_never_gets_anywhere_is_given_up(world: TuningWorld) -> None:
    world.runner.crash_at = "tuning.before_append:1"
    record = world.tuning()
    seen = world.finish(record)
    assert seen.phase is Phase.FAILED
    assert "its controller died 10 times in a row, last: killed by SIGKILL" in seen.reason
    assert world.runs() == []


def test_a_stop_ends_the_trials_of_a_dead_controller(world: TuningWorld) -> None:
    record = begin(world)
    os.kill(world.pid(f"tuning-{record.id}") or 0, signal.SIGKILL)
    seen = world.drive(world.stop(record), lambda seen: seen.phase is Phase.STOPPED, "it has stopped")
    assert seen.detail["killedTrialCount"] == 2
    assert all(world.runner.observe(name).over for name in world.processes_of(record))


def test_a_platform_that_goes_down_and_up_goes_on_with_the_experiment(world: TuningWorld) -> None:
    record = begin(world)
    (world.control / f"go-{world.runs()[0]}").touch()
    world.drive(record, lambda seen: seen.detail.get("successfulTrialCount") == 1, "one trial has ended")
    world.drive(record, lambda _: len(world.runs()) == 3, "the third trial runs")
    LocalPlatform(world.settings, world.home, world.runner, Environments(world.settings.cache_dir)).stop()
    alive = [name for name in world.runner.names() if not world.runner.observe(name).over]
    assert alive == []
    world.driver = world.make_driver()
    world.drive(record, lambda _: len(world.runs()) == 5, "the two interrupted trials run again")
    (world.control / "hold").unlink()
    seen = world.finish(record)
    assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "MaxTrialsReached")
    assert world.conditions(record) == ["SUCCEEDED"] * 3
    first, *others = world.runs()
    assert sorted(others[:2]) == sorted(others[2:]), "with the values that they had"
    assert first not in others
    assert [trial.attempt for trial in world.ledger(record).ordered] == [1, 2, 2]
    assert all("shutdown" not in each["trialStatusReason"] for each in world.trials(record)), "it is no failure"
    world.delete(record)
    assert world.remains(record) == []
