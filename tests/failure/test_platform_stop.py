"""The platform is stopped and started again: what it interrupted begins afresh, what a user had stopped does not."""

import os
from collections.abc import Callable, Sequence
from unittest import mock

import pytest

from adapters.easymaker import catalogue
from adapters.easymaker.engines.local.engine import build_local
from adapters.easymaker.settings import Settings
from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import ForkedAdapter, Keeper
from tests.failure.life import ANSWER, Life, Patient
from tests.failure.remains import doubled, processes

# Where a second start can be cut short: while the interrupted run is cleared away, and while the new one begins.
SECOND_START = ("process.before_remove", "process.after_remove", "process.before_spawn", "process.after_spawn")


def stop_platform(place: Installation) -> None:
    """What the CLI's `down` does between ending the adapter and ending PostgreSQL."""
    place.stop()
    with mock.patch.dict(os.environ, place.environment(), clear=True):
        settings = Settings()
    build_local(settings, catalogue.load(None)).engine.platform.stop()
    assert dict(processes(place)) == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_stopped_platform_takes_its_work_up_again(
    place: Installation, adapter: ForkedAdapter, make_keeper: Callable[[Sequence[str]], Keeper]
) -> None:
    life = Life(place, Patient(place))
    experiment = life.create("experiments")
    endpoint = life.create("endpoints", **life.serving(life.model()))
    long, ended, stopped = (life.training(experiment, label, 900) for label in ("long", "ended", "stopped"))
    for label in ("long", "ended", "stopped"):
        wait_for(lambda label=label: life.runs(label), PATIENCE, f"{label} has begun")
    life.go("ended")
    life.api.wait("trainings", ended, "COMPLETE")
    life.api.ok("PUT", f"/trainings/{stopped}/stop")
    life.api.wait("trainings", stopped, "STOPPED")
    life.api.wait("endpoints", endpoint, "ACTIVE")
    untouched = life.training(experiment, "untouched")

    stop_platform(place)
    keeper = make_keeper(SECOND_START)
    wait_for(lambda: life.runs("long") == 2, PATIENCE, "the interrupted training runs again")
    assert keeper.disarm() == []
    life.api.wait("trainings", long, "RUNNING")
    assert doubled(place) == []
    life.go("long")
    for training in (long, ended, untouched):
        life.api.wait("trainings", training, "COMPLETE")
    life.api.wait("trainings", stopped, "STOPPED")
    assert life.run_notes("long") == ["fresh", "fresh"], "begun again, and without anything of the interrupted run"
    assert [life.runs(label) for label in ("ended", "stopped", "untouched")] == [1, 1, 1]
    wait_for(lambda: life.api.get("endpoints", endpoint)["endpointStatusCode"] == "ACTIVE", PATIENCE, "it serves again")
    # The status of before the stop is still there until the first look: what counts is that it answers again.
    wait_for(lambda: life.predict(endpoint) == ANSWER, PATIENCE, "the endpoint answers again")
    assert keeper.trouble == []
    life.delete_all()
