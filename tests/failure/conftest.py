"""Installations whose parts are killed; and the figures of all that at the end of the run."""

import signal
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


class Places:
    """One installation for all tests, and a fresh one after a test that has left something behind."""

    def __init__(self, make_installation: Callable[[], Installation], preloaded: Preloaded) -> None:
        self._make = make_installation
        self._preloaded = preloaded
        self._current: Installation | None = None

    def current(self) -> Installation:
        """Its parts run, a fitted model is on its NAS, there is no adapter and no resource."""
        if self._current is None:
            self._current = self._make()
            self._preloaded.start(self._current)
            fit_model(self._current)
            self._current.kill()
        return self._current

    def check(self) -> None:
        """End all adapters and look for what stays."""
        place = self.current()
        for adapter in place.adapters:
            adapter.send_signal(signal.SIGCONT)
        place.kill()
        remaining = leftovers(place)
        if remaining:
            self._current = None
        assert remaining == []


@pytest.fixture(scope="session")
def places(make_installation: Callable[[], Installation], preloaded: Preloaded) -> Places:
    return Places(make_installation, preloaded)


@pytest.fixture
def place(places: Places) -> Iterator[Installation]:
    """An installation without an adapter. The test deletes what it creates."""
    yield places.current()
    places.check()


@pytest.fixture
def adapter(place: Installation, preloaded: Preloaded) -> ForkedAdapter:
    """One running adapter of the place."""
    return preloaded.start(place, lease_seconds=2)


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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its figures to the process that prints them."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["failure_figures"] = {k: dict(v) for k, v in session.config.stash.get(FIGURES, {}).items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    counted = node.config.stash.setdefault(FIGURES, {})
    for subject, figures in getattr(node, "workeroutput", {}).get("failure_figures", {}).items():
        counted.setdefault(subject, Counter()).update(figures)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counted = config.stash.get(FIGURES, {})
    if counted:
        terminalreporter.section("failure figures")
    for subject, figures in counted.items():
        told = ", ".join(f"{name} {count}" for name, count in figures.items())
        terminalreporter.write_line(f"{subject}: {told}")
