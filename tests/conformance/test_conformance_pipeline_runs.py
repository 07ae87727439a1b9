"""Runs of pipelines as drivers carry them out, and whole lives of them through the loop's own decisions."""

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from numbers import Real
from typing import Any

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.errors import NotFound, PermanentEngineError
from adapters.easymaker.kinds.record import Goal
from tests.conformance.life import Life
from tests.conformance.world import World, until

pytestmark = pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)


def running(world: World, **changes: object) -> str:
    made = world.new("pipeline-run", **changes)
    world.settle(made, Phase.RUNNING)
    until(lambda: world.runs(made), lambda: "its step has begun")
    return made


def life_of_one(world: World) -> Life:
    return Life(world, world.new("pipeline-run"))


def begin(life: Life) -> str:
    life.reach("RUNNING")
    (made,) = life.ids
    until(lambda: life.world.runs(made), lambda: "its step has begun")
    return made


def finish(life: Life) -> None:
    record = life.world.record(life.ids[0])
    life.end()
    life.world.nothing_left(record)


def state_of_step(world: World, made: str) -> str:
    driver: Any = world.driver(made)
    (node,) = driver.report("graph", world.family(made), {})["nodes"]
    return node["state"]


def test_before_its_start_nothing_is_there_and_everything_may_be_asked(world: World) -> None:
    made = world.new("pipeline-run")
    driver: Any = world.driver(made)
    assert driver.observe(world.family(made)).phase is Phase.MISSING
    driver.stop(world.family(made, Goal.STOPPED))
    world.release(made)
    assert driver.observe(world.family(made)).phase is Phase.MISSING
    assert state_of_step(world, made) == "PENDING"
    assert driver.read_log(world.family(made), 0, 100) == (b"", True)
    assert world.remains(world.record(made)) == []
    world.remove(made)
    assert world.runs(made) == 0


def test_started_from_everywhere_at_once_it_runs_once(world: World) -> None:
    made = world.new("pipeline-run")
    with world.replica() as others:
        world.start_at_once(made, others)
        world.settle(made, Phase.RUNNING)
        until(lambda: world.runs(made), lambda: "its step has begun")
        world.start(made, others)
        world.start(made)
        assert world.observe(made).phase is Phase.RUNNING
    assert world.runs(made) == 1


def test_one_that_ends_well_stays_so_whatever_is_asked_of_it(world: World) -> None:
    made = running(world)
    assert state_of_step(world, made) == "RUNNING"
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)
    state = world.record(made).state
    assert isinstance(state["startedAt"], Real)
    assert state["finishedAt"] >= state["startedAt"]
    driver = world.driver(made)
    driver.start(world.family(made))
    driver.stop(world.family(made))
    for _ in range(2):
        world.release(made)
    driver.start(world.family(made))
    assert world.observe(made).phase is Phase.SUCCEEDED
    assert state_of_step(world, made) == "SUCCEEDED"
    assert world.runs(made) == 1


def test_one_that_fails_names_the_step_and_its_exit_code(world: World) -> None:
    made = running(world)
    world.fail(made, 3)
    failed = world.settle(made, Phase.FAILED)
    assert "work" in failed.reason
    assert "exit code 3" in failed.reason
    world.release(made)
    assert world.observe(made).reason == failed.reason
    assert state_of_step(world, made) == "FAILED"


def test_a_stopped_one_stays_stopped(world: World) -> None:
    made = running(world)
    world.stop(made)
    world.driver(made).stop(world.family(made))
    world.release(made)
    world.release(made)
    assert world.observe(made).phase is Phase.STOPPED
    assert state_of_step(world, made) == "CANCELED"
    assert world.runs(made) == 1


def test_its_logs_outlive_its_end_and_go_with_it(world: World) -> None:
    if world.name != "local":
        pytest.skip("an API server has logs only from kubelets, and none runs here")
    made = running(world)
    driver: Any = world.driver(made)
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)
    world.release(made)
    world.rows.change(made, status="COMPLETE")
    whole, more = driver.read_part_log(world.family(made), "work", 0, 1 << 20)
    assert more is False
    assert whole.index(b"first words") < whole.index(b"last words")
    assert driver.read_log(world.family(made), 0, 1 << 20)[0]
    with pytest.raises(NotFound):
        driver.read_part_log(world.family(made), "nothing", 0, 10)
    world.remove(made)
    assert driver.read_log(world.family(made), 0, 10)[0] == b""


def test_what_the_platform_ends_is_interrupted_and_goes_on(world: World) -> None:
    if world.name != "local":
        pytest.skip("a run outlives the adapter there, and Argo begins again what a node loses")
    made = running(world)
    world.interrupt(made)
    world.settle(made, Phase.INTERRUPTED)
    world.start(made)
    world.settle(made, Phase.RUNNING)
    world.succeed(made)
    world.settle(made, Phase.SUCCEEDED)


def test_one_whose_pipeline_is_deleted_before_its_start_fails_for_good(world: World) -> None:
    made = world.new("pipeline-run")
    pipeline = world.family(made).ref("pipeline")
    assert pipeline is not None
    del world.rows.records[pipeline.id]
    with pytest.raises(PermanentEngineError, match="deleted before the run began"):
        world.driver(made).start(world.family(made))


def test_one_whose_flavor_is_gone_fails_for_good(world: World) -> None:
    made = world.new("pipeline-run")
    world.rows.change(made, spec=world.record(made).spec | {"flavorId": "no-such-entry"})
    with pytest.raises(PermanentEngineError, match="no longer in the catalogue"):
        world.start(made)


def test_a_life_that_goes_well(world: World) -> None:
    life = life_of_one(world)
    made = begin(life)
    world.succeed(made)
    life.reach("COMPLETE")
    assert life.history() == ["CREATE_REQUESTED", "CREATE_IN_PROGRESS", "RUNNING", "COMPLETE_IN_PROGRESS", "COMPLETE"]
    life.step()
    assert life.status() == "COMPLETE"
    assert world.runs(made) == 1
    finish(life)


def test_a_life_that_fails(world: World) -> None:
    life = life_of_one(world)
    made = begin(life)
    world.fail(made, 4)
    life.reach("FAIL_PIPELINE_RUN")
    assert "exit code 4" in world.record(made).reason
    assert life.history()[-3:] == ["RUNNING", "FAIL_PIPELINE_RUN_IN_PROGRESS", "FAIL_PIPELINE_RUN"]
    finish(life)


def test_a_life_that_is_stopped(world: World) -> None:
    life = life_of_one(world)
    made = begin(life)
    world.rows.act(made, "stop")
    life.reach("STOPPED")
    assert life.history()[-3:] == ["RUNNING", "STOP_IN_PROGRESS", "STOPPED"]
    finish(life)


def test_one_that_is_stopped_before_its_start_never_runs(world: World) -> None:
    life = life_of_one(world)
    world.rows.act(life.ids[0], "stop")
    life.reach("STOPPED")
    assert world.runs(life.ids[0]) == 0
    finish(life)


PHASES: dict[str, Callable[[Life], object]] = {
    "requested": lambda life: None,
    "first look": lambda life: life.step(),
    "running": begin,
    "stopping": lambda life: (begin(life), life.world.rows.act(life.ids[0], "stop"), life.step()),
    "completing": lambda life: (life.world.succeed(begin(life)), life.reach("COMPLETE_IN_PROGRESS")),
}


@pytest.mark.parametrize("phase", PHASES)
def test_deleted_in_the_middle_of_it_nothing_is_left(world: World, phase: str) -> None:
    """The API refuses some of these; that the driver could not do it must not be why."""
    life = life_of_one(world)
    PHASES[phase](life)
    finish(life)


def test_a_life_whose_adapter_is_another_at_every_look(world: World) -> None:
    """Nothing that matters is in a driver's memory."""
    made = world.new("pipeline-run")
    with ExitStack() as stack:
        sides = itertools.cycle([stack.enter_context(world.replica()) for _ in range(2)])
        life = Life(world, made, drivers=sides)
        begin(life)
        world.succeed(made)
        life.reach("COMPLETE")
        assert world.runs(made) == 1
        finish(life)


def test_what_a_look_started_long_after_the_end_is_stopped_again(world: World) -> None:
    """A replica that was suspended may start a run that others have stopped meanwhile."""
    life = life_of_one(world)
    made = life.ids[0]
    late = world.family(made)
    world.rows.act(made, "stop")
    life.reach("STOPPED")
    world.driver(made).start(late)

    def ended() -> bool:
        life.step()
        return world.driver(made).observe(world.family(made)).phase in (Phase.MISSING, Phase.STOPPED)

    until(ended, lambda: f"it is stopped: {world.driver(made).observe(world.family(made))}")
    assert life.status() == "STOPPED"
    finish(life)
