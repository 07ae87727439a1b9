"""Trainings as drivers carry them out, the same on every engine."""

from numbers import Real
from typing import Any

import pytest

from adapters.easymaker.engines.base import Phase, SupportsLogs, SupportsRelease
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Goal
from adapters.easymaker.kinds.run_answers import elapsed_seconds
from tests.conformance.world import World, until

pytestmark = pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)
LIMITS = {"cpu", "memory", "disk", "time", "sandbox"}


def running(world: World, **changes: object) -> str:
    made = world.new("training", **changes)
    world.settle(made, Phase.RUNNING)
    until(lambda: world.runs(made), lambda: "its program has begun")
    return made


def times(world: World, made: str) -> tuple[object, object]:
    """As they are kept: what is seen now need not tell again when it began."""
    state = world.record(made).state
    return state.get("startedAt"), state.get("finishedAt")


def test_before_its_start_nothing_is_there_and_everything_may_be_asked(world: World) -> None:
    made = world.new("training")
    driver = world.driver(made)
    assert driver.observe(world.family(made)).phase is Phase.MISSING
    driver.stop(world.family(made, Goal.STOPPED))
    world.release(made)
    assert driver.observe(world.family(made)).phase is Phase.MISSING
    assert world.remains(world.record(made)) == []
    world.remove(made)
    assert world.runs(made) == 0


def test_started_from_everywhere_at_once_it_runs_once(world: World) -> None:
    made = world.new("training", instanceCount=1)
    with world.replica() as others:
        world.start_at_once(made, others)
        world.settle(made, Phase.RUNNING)
        until(lambda: world.runs(made), lambda: "its program has begun")
        things = world.remains(world.record(made))
        world.start(made, others)
        world.start(made)
        assert world.observe(made).phase is Phase.RUNNING
        assert world.remains(world.record(made)) == things
        assert len(things) == len(set(things))
    assert world.runs(made) == 1


def test_while_it_runs_the_details_that_answers_show_are_there(world: World) -> None:
    made = running(world)
    seen = world.observe(made)
    started, finished = times(world, made)
    assert isinstance(started, Real)
    assert finished is None
    assert set(seen.detail["limits"]) == LIMITS
    assert all(isinstance(text, str) and text for text in seen.detail["limits"].values())
    assert elapsed_seconds(world.record(made).state) >= 0


def test_one_that_ends_well_keeps_its_result_whatever_is_asked_of_it(world: World) -> None:
    made = running(world)
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)
    started, finished = times(world, made)
    assert isinstance(started, Real)
    assert isinstance(finished, Real)
    assert finished >= started
    driver = world.driver(made)
    driver.start(world.family(made))
    driver.stop(world.family(made))
    assert world.observe(made).phase is Phase.SUCCEEDED
    for _ in range(2):
        world.release(made)
    assert world.observe(made).phase is Phase.SUCCEEDED
    assert times(world, made) == (started, finished)
    assert world.runs(made) == 1


def test_one_that_fails_says_with_which_exit_code(world: World) -> None:
    made = running(world)
    world.fail(made, 3)
    failed = world.settle(made, Phase.FAILED)
    assert "exit code 3" in failed.reason
    ended = times(world, made)
    assert all(isinstance(time, Real) for time in ended)
    world.driver(made).start(world.family(made))
    world.driver(made).stop(world.family(made))
    world.release(made)
    again = world.observe(made)
    assert (again.phase, again.reason) == (Phase.FAILED, failed.reason)
    assert times(world, made) == ended
    assert world.runs(made) == 1


def test_a_stopped_one_stays_stopped(world: World) -> None:
    made = running(world)
    world.stop(made)
    ended = times(world, made)
    assert all(isinstance(time, Real) for time in ended)
    world.driver(made).stop(world.family(made))
    world.release(made)
    world.release(made)
    assert world.observe(made).phase is Phase.STOPPED
    assert times(world, made) == ended
    assert world.runs(made) == 1


def test_its_log_outlives_its_end_and_goes_with_it(world: World) -> None:
    if world.name != "local":
        pytest.skip("an API server has logs only from kubelets, and none runs here")
    made = running(world)
    driver: Any = world.driver(made)
    assert driver.read_log(world.family(made), 0, 1 << 20)[1] is True
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)
    world.release(made)
    world.rows.change(made, status="COMPLETE")
    whole, more = driver.read_log(world.family(made), 0, 1 << 20)
    assert more is False
    assert whole.index(b"first words") < whole.index(b"last words")
    assert driver.read_log(world.family(made), 5, 10) == (whole[5:15], True)
    assert driver.read_log(world.family(made), len(whole), 10) == (b"", False)
    world.remove(made)
    assert driver.read_log(world.family(made), 0, 10)[0] == b""


def test_to_ask_for_the_end_does_not_wait_for_it(world: World) -> None:
    made = world.new("training")
    if world.name == "local":
        world.make_stubborn(made)
        world.settle(made, Phase.RUNNING)
        until(lambda: world.runs(made), lambda: "its program has begun")
    else:
        world.settle(made, Phase.RUNNING)
        world.make_stubborn(made)
    world.driver(made).stop(world.family(made, Goal.STOPPED))
    assert world.observe(made).phase is Phase.RUNNING
    world.driver(made).stop(world.family(made))
    assert world.observe(made).phase is Phase.RUNNING


def test_removed_while_it_runs_it_leaves_nothing(world: World) -> None:
    made = running(world)
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)
    assert world.driver(made).remove(world.family(made)) is True


@pytest.mark.parametrize("ended", ["SUCCEEDED", "FAILED", "STOPPED"])
def test_removed_after_its_end_it_leaves_nothing(world: World, ended: str) -> None:
    made = running(world)
    if ended == "STOPPED":
        world.stop(made)
    else:
        world.succeed(made) if ended == "SUCCEEDED" else world.fail(made, 1)
        world.settle(made, Phase(ended))
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)


def test_removed_while_it_starts_it_leaves_nothing(world: World) -> None:
    made = world.new("training")
    world.start(made)
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)


def test_what_was_never_started_is_removed_at_once(world: World) -> None:
    made = world.new("training")
    assert world.driver(made).remove(world.family(made, Goal.ABSENT)) is True


def test_an_engine_that_begins_anew_sees_the_same_and_goes_on(world: World) -> None:
    made = running(world)
    before = world.observe(made)
    with world.replica() as others:
        after = world.observe(made, others)
        assert (after.phase, after.reason, after.detail) == (before.phase, before.reason, before.detail)
        others["training"].start(world.family(made))
        world.succeed(made)
        world.settle(made, Phase.SUCCEEDED, drivers=others)
        assert world.runs(made) == 1
        record = world.record(made)
        world.remove(made, others)
    world.nothing_left(record)


def test_the_ends_of_two_nodes_are_the_trainings(world: World) -> None:
    made = running(world, instanceCount=2)
    things = world.remains(world.record(made))
    assert len(things) == len(set(things))
    world.fail(made, 5)
    failed = world.settle(made, Phase.FAILED)
    assert "exit code 5" in failed.reason
    assert failed.reason.startswith("node ")
    world.release(made)
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)


def test_what_the_platform_ends_is_interrupted_and_begins_again(world: World) -> None:
    made = running(world)
    world.interrupt(made)
    seen = world.settle(made, Phase.INTERRUPTED)
    assert "again" in seen.reason
    driver = world.driver(made)
    world.start(made)
    world.settle(made, Phase.RUNNING)
    driver.start(world.family(made))
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)


@pytest.mark.parametrize("gone", ["imageId", "flavorId"])
def test_what_the_catalogue_no_longer_has_fails_it_for_good(world: World, gone: str) -> None:
    made = world.new("training")
    world.rows.change(made, spec=world.record(made).spec | {gone: "no-such-entry"})
    with pytest.raises(PermanentEngineError, match="no longer in the catalogue"):
        world.driver(made).start(world.family(made))
    assert world.driver(made).observe(world.family(made)).phase is Phase.MISSING


def test_the_driver_gives_back_and_reads_logs(world: World) -> None:
    driver = world.drivers["training"]
    assert isinstance(driver, SupportsRelease)
    assert isinstance(driver, SupportsLogs)
    made = world.new("training")
    assert driver.read_log(world.family(made), 0, 100) == (b"", True)
    world.rows.change(made, status="STOPPED")
    assert driver.read_log(world.family(made), 0, 100) == (b"", False)
