"""What holds for the driver of every kind: it is there, and has no other troubles than the contract names.

The kinds that serve are asked the same in test_conformance_serving.py.
"""

import pytest

from adapters.easymaker.engines.base import SupportsLogs, SupportsPartLogs, SupportsReports
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.record import Goal
from tests.conformance.world import World

pytestmark = pytest.mark.parametrize("world", ["local", "cluster"], indirect=True)


def test_every_kind_has_a_driver_that_can_do_what_the_kind_declares(world: World) -> None:
    assert set(world.drivers) == {kind.name for kind in KINDS}
    for kind in KINDS:
        driver = world.drivers[kind.name]
        assert isinstance(driver, SupportsLogs) == kind.has_logs
        assert isinstance(driver, SupportsPartLogs) == bool(kind.log_part)
        assert isinstance(driver, SupportsReports) == bool(kind.reports)


@pytest.mark.parametrize("goal", [Goal.PRESENT, Goal.STOPPED, Goal.ABSENT])
@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if not kind.name.startswith("endpoint")])
def test_before_its_platform_is_there_a_driver_at_most_asks_to_be_called_again(
    world: World, kind: str, goal: Goal
) -> None:
    made = world.new(kind)
    world.family(made, goal)
    with world.unprepared() as drivers:
        world.ask_everything(made, drivers)
