"""Installations whose parts are killed; and the figures of all that at the end of the run."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tests.conftest import Installation
from tests.failure.adapters_at_hand import ForkedAdapter, Keeper, Preloaded
from tests.failure.life import fit_model
from tests.failure.remains import leftovers

FIGURES = pytest.StashKey[dict[str, Counter[str]]]()


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """Starts adapters in a fraction of a second."""
    made = Preloaded()
    yield made
    made.close()


@pytest.fixture(scope="session")
def place(make_installation: Callable[[], Installation], preloaded: Preloaded) -> Installation:
    """An installation whose parts run, with a fitted model on its NAS. No adapter runs, and no resource is there."""
    made = make_installation()
    preloaded.start(made)
    fit_model(made)
    made.kill()
    return made


@pytest.fixture
def adapter(place: Installation, preloaded: Preloaded) -> Iterator[ForkedAdapter]:
    """One running adapter of the place. The test deletes what it creates."""
    yield preloaded.start(place, lease_seconds=2)
    place.kill()
    assert leftovers(place) == []


@pytest.fixture
def make_keeper(place: Installation, preloaded: Preloaded) -> Iterator[Callable[[Sequence[str]], Keeper]]:
    """Keepers, by their plan, of adapters with short leases: nothing waits long for what a killed one held."""
    made: list[Keeper] = []

    def make(plan: Sequence[str]) -> Keeper:
        made.append(Keeper(preloaded, place, plan, lease_seconds=0.5, resync_seconds=0.2))
        return made[-1]

    yield make
    for keeper in made:
        keeper.close()


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> dict[str, Counter[str]]:
    """By subject, what was counted; printed when everything has run."""
    return request.config.stash.setdefault(FIGURES, {})


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counted = config.stash.get(FIGURES, {})
    if counted:
        terminalreporter.section("failure figures")
    for subject, figures in counted.items():
        told = ", ".join(f"{name} {count}" for name, count in figures.items())
        terminalreporter.write_line(f"{subject}: {told}")
