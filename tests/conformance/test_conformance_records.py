"""Kinds that are little more than their record: training templates and models."""

import itertools

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.kinds.record import Goal
from tests.conformance.life import Life
from tests.conformance.world import World

pytestmark = pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)
KINDS = pytest.mark.parametrize("kind", ["training-template", "model"])
SECRET = [{"parameterName": "hf_token", "parameterValue": "a secret"}]


@KINDS
def test_it_comes_up_and_stays_so_whatever_is_asked_of_it(world: World, kind: str) -> None:
    made = world.new(kind)
    world.settle(made, Phase.RUNNING)
    for _ in range(2):
        world.driver(made).start(world.family(made))
        world.driver(made).stop(world.family(made))
    world.settle(made, Phase.RUNNING)


@KINDS
def test_a_whole_life(world: World, kind: str) -> None:
    life = Life(world, world.new(kind))
    life.reach("ACTIVE")
    life.step()
    assert life.status() == "ACTIVE"
    record = world.record(life.ids[0])
    life.end()
    world.nothing_left(record)


@KINDS
def test_removed_before_its_start_and_twice(world: World, kind: str) -> None:
    made = world.new(kind)
    family = world.family(made, Goal.ABSENT)
    assert world.driver(made).remove(family) is True
    assert world.driver(made).remove(family) is True


@pytest.mark.parametrize("looks", [0, 1, 5])
def test_a_models_secret_goes_with_it_at_any_time(world: World, looks: int) -> None:
    life = Life(world, world.new("model", parameterList=SECRET))
    record = world.record(life.ids[0])
    assert "a secret" not in str(record)
    assert world.remains(record)
    for _ in range(looks):
        life.step()
    life.end()
    world.nothing_left(record)


@KINDS
def test_an_engine_that_begins_anew_needs_no_more(world: World, kind: str) -> None:
    life = Life(world, world.new(kind))
    life.reach("ACTIVE")
    record = world.record(life.ids[0])
    with world.replica() as others:
        again = Life(world, *life.ids, drivers=itertools.repeat(others))
        again.step()
        assert again.status() == "ACTIVE"
        again.end()
    world.nothing_left(record)
