"""What holds for the driver of every kind: it is there, and has no other troubles than the contract names."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from adapters.easymaker.engines.base import Driver, SupportsLogs, SupportsReports
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.record import Family, Goal
from tests.conformance.world import World

NAMES = [kind.name for kind in KINDS]
METHODS: dict[str, Callable[[Driver, Family], object]] = {
    "observe": lambda driver, family: driver.observe(family),
    "start": lambda driver, family: driver.start(family),
    "stop": lambda driver, family: driver.stop(family),
    "remove": lambda driver, family: driver.remove(family),
}


@pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)
def test_every_kind_has_a_driver_that_can_what_the_kind_declares(world: World) -> None:
    assert set(world.drivers) == set(NAMES)
    for kind in KINDS:
        driver = world.drivers[kind.name]
        assert isinstance(driver, SupportsLogs) == kind.has_logs
        assert isinstance(driver, SupportsReports) == bool(kind.reports)


@pytest.mark.parametrize("goal", [Goal.PRESENT, Goal.ABSENT])
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)
def test_before_its_platform_is_there_a_driver_at_most_asks_to_be_called_again(
    world: World, kind: str, goal: Goal
) -> None:
    made = world.new(kind)
    family = world.family(made, goal)
    with world.unprepared() as drivers:
        for method in METHODS.values():
            with suppress(TemporaryEngineError):
                method(drivers[kind], family)
    assert goal is not Goal.ABSENT or world.driver(made).remove(family) in (True, False)
