"""Whole lives of trainings through the loop's own decisions: only allowed statuses, and nothing left in the end."""

import itertools
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from adapters.easymaker.engines.base import Phase
from tests.conformance.life import Life
from tests.conformance.world import World, until

pytestmark = pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)


def life_of_one(world: World) -> Life:
    return Life(world, world.new("training"))


def begin(life: Life) -> str:
    """Look until it runs."""
    life.reach("RUNNING")
    (made,) = life.ids
    until(lambda: life.world.runs(made), lambda: "its program has begun")
    return made


def finish(life: Life) -> None:
    """Delete it; nothing is left."""
    record = life.world.record(life.ids[0])
    life.end()
    life.world.nothing_left(record)


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
    life.reach("FAIL_TRAIN")
    assert "exit code 4" in world.record(made).reason
    assert life.history()[-3:] == ["RUNNING", "FAIL_TRAIN_IN_PROGRESS", "FAIL_TRAIN"]
    finish(life)


def test_a_life_that_is_stopped(world: World) -> None:
    life = life_of_one(world)
    made = begin(life)
    world.rows.act(made, "stop")
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


def test_one_that_cannot_be_created_says_why(world: World) -> None:
    life = life_of_one(world)
    made = life.ids[0]
    world.rows.change(made, spec=world.record(made).spec | {"imageId": "no-such-entry"})
    life.reach("CREATE_FAILED")
    assert "no longer in the catalogue" in world.record(made).reason
    finish(life)


PHASES: dict[str, Callable[[Life], object]] = {
    "requested": lambda life: None,
    "first look": lambda life: life.step(),
    "running": begin,
    "stopping": lambda life: (begin(life), life.world.rows.act(life.ids[0], "stop"), life.step()),
    "failing": lambda life: (
        life.world.fail(begin(life), 1),
        life.reach("FAIL_TRAIN_IN_PROGRESS"),
    ),
    "completing": lambda life: (
        life.world.succeed(begin(life)),
        life.reach("COMPLETE_IN_PROGRESS"),
    ),
}


@pytest.mark.parametrize("phase", PHASES)
def test_deleted_in_the_middle_of_it_nothing_is_left(world: World, phase: str) -> None:
    """The API refuses some of these; that the driver could not do it must not be why."""
    life = life_of_one(world)
    PHASES[phase](life)
    finish(life)


def test_a_life_whose_adapter_is_another_at_every_look(world: World) -> None:
    """Nothing that matters is in a driver's memory."""
    made = world.new("training")
    with ExitStack() as stack:
        sides = itertools.cycle([stack.enter_context(world.replica()) for _ in range(2)])
        life = Life(world, made, drivers=sides)
        begin(life)
        world.succeed(made)
        life.reach("COMPLETE")
        assert world.runs(made) == 1
        finish(life)


def test_an_interrupted_life_begins_again(world: World) -> None:
    life = life_of_one(world)
    made = begin(life)
    world.interrupt(made)
    life.reach("CREATE_IN_PROGRESS")
    life.reach("RUNNING")
    until(lambda: world.runs(made), lambda: "its program has begun again")
    world.succeed(made)
    life.reach("COMPLETE")
    assert "FAIL_TRAIN" not in life.history()
    finish(life)


def test_what_a_look_started_long_after_the_end_is_stopped_again(world: World) -> None:
    """A replica that was suspended may start a job that others have stopped meanwhile."""
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
