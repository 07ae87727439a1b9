"""The adapter is killed with -9 at every crash point of a life cycle: nothing is lost, doubled or orphaned.

An adapter that is started after a kill is armed to die at the same point again, only later, so that the kills wander
over all kinds of resources; the last one is left alone, and the life has to end as if nothing had happened.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from adapters.easymaker import crash_points
from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import Keeper
from tests.failure.life import ANSWER, Life, Patient
from tests.failure.remains import doubled, leftovers

# The cluster engine's are tested on a Kubernetes API server (tests/cluster/), a tuning's by tests of their own.
POINTS = tuple(point for point in crash_points.POINTS if not point.startswith(("cluster.", "tuning.")))
# The hit at which each adapter in turn dies.
EVERYWHERE = (1, 2, 5)
# There are few stops, spawns and changes of routes in a life, and each is reached again after the restart.
SELDOM = (1, 1, 2)

OF_EACH_PART = (
    *("api.after_commit", "reconcile.before_act", "reconcile.after_act", "reconcile.after_apply"),
    *("process.after_spawn", "process.before_signal", "process.after_remove"),
)


@pytest.fixture
def keeper(make_keeper: Callable[[Sequence[str]], Keeper]) -> Keeper:
    return make_keeper(())


@pytest.fixture
def counted(figures: dict[str, Counter[str]]) -> Counter[str]:
    zero = {"points": len(POINTS), "kills": 0, "lost": 0, "doubled": 0, "orphans": 0}
    return figures.setdefault("kill loop", Counter(zero))


def finish(life: Life, keeper: Keeper, counted: Counter[str], lost: list[str]) -> None:
    """Judge what has come of a life, delete it all, and look for what stays."""
    twice = [*doubled(life.installation), *life.doubles()]
    lost = [*lost, *life.torn_histories()]
    life.delete_all()
    keeper.disarm()
    remaining = leftovers(life.installation)
    counted.update(kills=len(keeper.kills), lost=len(lost), doubled=len(twice), orphans=len(remaining))
    assert (lost, twice, remaining, keeper.trouble) == ([], [], [], [])


def hits(point: str) -> tuple[int, ...]:
    return SELDOM if point == "process.before_signal" else EVERYWHERE


# By default some of each part; the endpoint's life below dies at all points in every run, but for the stop's.
TRAINING_POINTS = [
    pytest.param(point, marks=[] if point in OF_EACH_PART else [pytest.mark.exhaustive])
    for point in POINTS
    if not point.startswith("gateway.")
]


@pytest.mark.parametrize("point", TRAINING_POINTS)
def test_training_life_with_the_adapter_killed_at(
    point: str, place: Installation, keeper: Keeper, counted: Counter[str]
) -> None:
    life = Life(place, Patient(place))
    keeper.arm([f"{point}:{hit}" for hit in hits(point)])
    experiment = life.create("experiments")
    life.create("training-templates", **life.training_settings("template", 0))
    once = life.training(experiment, "once")
    long = life.training(experiment, "long", seconds=300)
    life.api.wait("trainings", once, "COMPLETE")
    life.api.wait("trainings", long, "RUNNING")
    wait_for(lambda: life.runs("long"), PATIENCE, "the long training has begun")
    copied = life.api.create_at(f"/trainings/{once}/copy", "training", {"trainingName": life.name})
    life.made.append(("trainings", copied))
    life.api.ok("PUT", f"/trainings/{long}/stop")
    model = life.create("models", trainingId=once)
    life.api.wait("models", model, "ACTIVE")
    life.api.wait("trainings", long, "STOPPED")
    life.api.wait("trainings", copied, "COMPLETE")
    begun = (life.runs("once"), life.runs("long"))
    finish(life, keeper, counted, [] if begun == (2, 1) else [f"runs of the original with its copy, the long: {begun}"])
    assert f"{point}:{hits(point)[0]}" in keeper.kills, f"never died at {point}"


CREATING = (
    *("api.before_commit", "api.after_commit", "reconcile.after_claim", "reconcile.before_act", "reconcile.after_act"),
    *("gateway.before_publish", "process.before_spawn", "process.after_spawn", "reconcile.after_observe"),
    *("reconcile.before_apply", "reconcile.after_apply", "gateway.after_publish"),
)
SWITCHING = ("api.before_commit", "api.after_commit", "gateway.before_publish", "gateway.after_publish:2")
DELETING = (
    *("api.before_commit", "api.after_commit", "process.before_remove", "process.after_remove"),
    *("reconcile.before_act", "gateway.before_publish", "gateway.after_publish", "reconcile.after_act"),
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_endpoint_life_with_the_adapter_killed_everywhere(
    place: Installation, keeper: Keeper, counted: Counter[str]
) -> None:
    life = Life(place, Patient(place))
    serving = life.serving(life.model())
    keeper.arm(CREATING)
    endpoint = life.create("endpoints", **serving)
    life.api.wait("endpoints", endpoint, "ACTIVE")
    assert life.predict(endpoint) == ANSWER
    (old,) = life.stages(endpoint)
    keeper.arm(SWITCHING)
    green = life.create("endpoint-stages", **serving, endpointId=endpoint, apigwStageName="green")
    life.api.wait("endpoint-stages", green, "ACTIVE")
    life.api.ok("PUT", f"/endpoints/{endpoint}/default-stage", {"endpointStageId": green})
    life.api.gone("endpoint-stages", old)
    life.api.wait("endpoints", endpoint, "ACTIVE")
    assert life.predict(endpoint) == ANSWER
    assert life.stages(endpoint) == [green]
    life.made.remove(("endpoint-stages", green))  # goes with its endpoint
    keeper.arm(DELETING)
    finish(life, keeper, counted, [])
    reached = {kill.partition(":")[0] for kill in keeper.kills}
    assert reached == set(POINTS) - {"process.before_signal"}, "only a job is stopped by a signal"
