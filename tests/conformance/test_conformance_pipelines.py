"""Pipelines and recurring runs as drivers carry them out: made, asked again and again, gone."""

import itertools
from typing import Any

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.kinds.record import Goal
from tests.conformance.life import Life
from tests.conformance.world import World

pytestmark = pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)
KINDS = pytest.mark.parametrize(
    ("kind", "up"), [("pipeline", "ACTIVE"), ("pipeline-recurring-run", "ENABLED")], ids=["pipeline", "recurring"]
)


@KINDS
def test_it_comes_up_and_stays_so_whatever_is_asked_of_it(world: World, kind: str, up: str) -> None:
    made = world.new(kind)
    world.settle(made, Phase.RUNNING)
    for _ in range(2):
        world.driver(made).stop(world.family(made))
        world.driver(made).start(world.family(made))
    world.settle(made, Phase.RUNNING)


@KINDS
def test_a_whole_life(world: World, kind: str, up: str) -> None:
    life = Life(world, world.new(kind))
    life.reach(up)
    life.step()
    assert life.status() == up
    record = world.record(life.ids[0])
    life.end()
    world.nothing_left(record)


@KINDS
def test_removed_before_its_start_and_twice(world: World, kind: str, up: str) -> None:
    made = world.new(kind)
    family = world.family(made, Goal.ABSENT)
    assert world.driver(made).remove(family) is True
    assert world.driver(made).remove(family) is True


@KINDS
def test_an_engine_that_begins_anew_needs_no_more(world: World, kind: str, up: str) -> None:
    life = Life(world, world.new(kind))
    life.reach(up)
    record = world.record(life.ids[0])
    with world.replica() as others:
        again = Life(world, *life.ids, drivers=itertools.repeat(others))
        again.step()
        assert again.status() == up
        again.end()
    world.nothing_left(record)


def test_a_pipeline_tells_its_graph_and_its_document(world: World) -> None:
    made = world.new("pipeline")
    driver: Any = world.driver(made)
    graph = driver.report("graph", world.family(made), {})
    assert [node["id"] for node in graph["nodes"]] == ["work"]
    assert graph["edges"] == []
    manifest = driver.report("manifest", world.family(made), {})
    assert manifest["pipelineSpec"]["pipelineInfo"] == {"name": "work"}
    assert manifest["platformSpec"] is None


def test_a_schedule_that_is_stopped_is_so_at_once_and_comes_back(world: World) -> None:
    life = Life(world, world.new("pipeline-recurring-run"))
    life.reach("ENABLED")
    for action, status in (("stop", "DISABLED"), ("start", "ENABLED")):
        world.rows.act(life.ids[0], action)
        life.step()
        life.reach(status)
    life.end()
