"""Experiments as drivers carry them out, the same on every engine."""

import pytest

from adapters.easymaker.engines.base import Phase, SupportsReports
from adapters.easymaker.kinds.record import Goal
from tests.conformance.life import Life
from tests.conformance.world import World

pytestmark = pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)


def test_before_its_start_nothing_is_there_and_everything_may_be_asked(world: World) -> None:
    made = world.new("experiment")
    assert world.observe(made).phase is Phase.MISSING
    world.driver(made).stop(world.family(made))
    assert world.remains(world.record(made)) == []
    assert world.driver(made).remove(world.family(made, Goal.ABSENT)) is True


def test_started_from_everywhere_at_once_there_is_one(world: World) -> None:
    made = world.new("experiment")
    with world.replica() as others:
        world.start_at_once(made, others)
        world.settle(made, Phase.RUNNING)
        things = world.remains(world.record(made))
        world.start(made, others)
        assert world.settle(made, Phase.RUNNING, drivers=others).phase is Phase.RUNNING
        assert world.remains(world.record(made)) == things
        assert things


@pytest.mark.parametrize("phase", ["started", "running"])
def test_removed_at_any_time_it_leaves_nothing(world: World, phase: str) -> None:
    made = world.new("experiment")
    world.start(made)
    if phase == "running":
        world.settle(made, Phase.RUNNING)
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)
    assert world.driver(made).remove(world.family(made)) is True


def test_a_whole_life(world: World) -> None:
    life = Life(world, world.new("experiment"))
    life.reach("ACTIVE")
    assert life.history() == ["CREATE_REQUESTED", "CREATE_IN_PROGRESS", "ACTIVE"]
    life.step()
    record = world.record(life.ids[0])
    life.end()
    world.nothing_left(record)


@pytest.mark.parametrize("looks", [0, 1])
def test_a_life_that_is_cut_short(world: World, looks: int) -> None:
    life = Life(world, world.new("experiment"))
    for _ in range(looks):
        life.step()
    record = world.record(life.ids[0])
    life.end()
    world.nothing_left(record)


def test_its_trainings_do_not_go_with_it_nor_it_with_them(world: World) -> None:
    """An experiment's own things are its own: to remove a training leaves them."""
    experiment = world.new("experiment")
    world.settle(experiment, Phase.RUNNING)
    world.rows.change(experiment, status="ACTIVE")
    things = world.remains(world.record(experiment))
    training = world.new("training", experimentId=experiment)
    world.settle(training, Phase.RUNNING)
    world.remove(training)
    world.nothing_left(world.record(training))
    assert world.remains(world.record(experiment)) == things
    assert world.observe(experiment).phase is Phase.RUNNING


def test_its_tensorboard_is_reported_in_the_same_form(world: World) -> None:
    made = world.new("experiment")
    world.settle(made, Phase.RUNNING)
    driver = world.driver(made)
    assert isinstance(driver, SupportsReports)
    shown = driver.report("tensorboard", world.family(made), {})
    assert set(shown) == {"status", "uri"}
    assert shown["status"] in ("STARTING", "RUNNING")
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)
