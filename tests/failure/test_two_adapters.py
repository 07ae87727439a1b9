"""Several adapters over one database and one home share the work and never do it twice, even after a long sleep."""

import signal
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import ForkedAdapter, Preloaded
from tests.failure.life import Life, Patient
from tests.failure.remains import database_of, doubled
from tests.ports import free_ports

LEASE_SECONDS = 2.0
STEPS_OF_A_TRAINING = ["CREATE_REQUESTED", "CREATE_IN_PROGRESS", "RUNNING", "COMPLETE_IN_PROGRESS", "COMPLETE"]

Start = Callable[[int], ForkedAdapter]


@pytest.fixture
def start(place: Installation, preloaded: Preloaded) -> Start:
    """Starts one more adapter, at this port."""
    return lambda port: preloaded.start(place, port=port, lease_seconds=LEASE_SECONDS, resync_seconds=0.3)


def repeated_steps(life: Life) -> list[str]:
    """Resources to which the same change of status happened twice: two adapters have done the same."""
    found: list[str] = []
    for plural, made in life.made:
        steps = [step for step in life.api.statuses(plural, made) if step[0] != step[1]]
        if len(steps) != len(set(steps)):
            found.append(f"{plural} {steps}")
    return found


def held(place: Installation) -> int:
    """Leases that are held now."""
    with database_of(place) as database, database.transaction() as connection:
        query = "SELECT count(*) FROM resources WHERE lease_token IS NOT NULL AND lease_expires_at > clock_timestamp()"
        return connection.execute(text(query)).scalar_one()


@pytest.mark.parametrize("replicas", [2, 4])
def test_adapters_share_the_work_and_do_nothing_twice(replicas: int, place: Installation, start: Start) -> None:
    ports = free_ports(replicas)
    for port in ports:
        start(port)
    lives = [Life(place, Patient(place, port)) for port in ports]
    experiments = [(life, life.create("experiments")) for life in lives for _ in range(3)]
    labels = [f"{n}" for n in range(7 if replicas == 2 else 2)]
    trainings = [
        (life, label, life.training(experiments[n % len(experiments)][1], label))
        for life in lives
        for n, label in enumerate(labels)
    ]
    for life, label, training in trainings:
        other = lives[(lives.index(life) + 1) % replicas]
        other.api.wait("trainings", training, "COMPLETE")
        assert life.runs(label) == 1
    for life in lives:
        assert (repeated_steps(life), life.torn_histories(), life.doubles()) == ([], [], [])
        assert [to for _, to in life.api.statuses(*life.made[-1])][-2:] == STEPS_OF_A_TRAINING[-2:]
    assert doubled(place) == []
    for life in lives:
        life.made.sort(key=lambda made: made[0] != "experiments")
        life.made, trained = life.made[:3], life.made[3:]
        for plural, made in trained:
            life.api.delete(plural, made)
    for life in lives:
        life.delete_all()


def suspend_while_it_holds_work(place: Installation, adapter: ForkedAdapter, more_work: Callable[[], None]) -> None:
    def caught() -> bool:
        adapter.send_signal(signal.SIGSTOP)
        if held(place):
            return True
        adapter.send_signal(signal.SIGCONT)
        more_work()
        return False

    wait_for(caught, PATIENCE, "the adapter is suspended with a lease")


@pytest.mark.parametrize("deleting", [False, True])
def test_an_adapter_that_slept_beyond_its_lease_does_nothing_twice(
    deleting: bool, place: Installation, start: Start, figures: dict[str, Counter[str]]
) -> None:
    """What it was about to do has been done, or even been deleted, when it wakes up."""
    counted = figures.setdefault("suspended adapters", Counter())
    for _ in range(2):
        sleeper, waker = free_ports(2)
        suspended = start(sleeper)
        life = Life(place, Patient(place, sleeper))
        experiment = life.create("experiments")
        trainings = {label: life.training(experiment, label) for label in "0123"}

        def more_work(life: Life = life, experiment: str = experiment, known: dict[str, str] = trainings) -> None:
            """If it was too quick to be caught."""
            *_, newest = known.values()
            if life.api.get("trainings", newest)["trainingStatusCode"] == "COMPLETE":
                label = str(len(known))
                known[label] = life.training(experiment, label)

        suspend_while_it_holds_work(place, suspended, more_work)
        start(waker)
        life.api = Patient(place, waker)
        if not deleting:
            for training in trainings.values():
                life.api.wait("trainings", training, "COMPLETE")
        else:
            for training in trainings.values():
                wait_for(lambda ask=(life, training): deletable(*ask), PATIENCE, "the training can be deleted")
            for training in trainings.values():
                life.api.gone("trainings", training)
        suspended.send_signal(signal.SIGCONT)
        marker = life.create("experiments")
        life.api.wait("experiments", marker, "ACTIVE")
        wait_for(lambda: held(place) == 0, PATIENCE, "all work is done")
        twice = [label for label in trainings if life.runs(label) > 1]
        lost = [] if deleting else [label for label in trainings if life.runs(label) == 0]
        counted.update(rounds=1, double_actions=len(twice) + len(doubled(place)) + len(repeated_steps(life)))
        assert (twice, lost, doubled(place), repeated_steps(life)) == ([], [], [], [])
        life.delete_all()
        place.kill()


def deletable(life: Life, training: str) -> bool:
    return life.api.send("DELETE", f"/trainings/{training}").status_code in (200, 404)
