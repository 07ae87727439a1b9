"""A server is given up after so many deaths, not after so many attempts to start it again."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.easymaker.engines.local import server_deaths
from adapters.easymaker.engines.local.json_files import write_json
from adapters.easymaker.engines.local.processes import Phase, ProcessState
from adapters.easymaker.engines.local.server_deaths import MOST_RESTARTS, RESTART_WINDOW, ServerDeaths

NOW = 1_000_000.0
DEAD = ProcessState(Phase.EXITED, signal=9, finished_at=NOW - 60, cause="signalled")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_deaths.time, "time", lambda: NOW)


def death(number: int) -> ProcessState:
    return replace(DEAD, finished_at=NOW - 60 + number)


def died(directory: Path, times: int) -> ServerDeaths:
    deaths = ServerDeaths(directory)
    for number in range(times):
        assert not deaths.too_many(death(number))
        deaths.note(death(number))
    return deaths


def test_the_death_after_the_last_restart_is_one_too_many(tmp_path: Path) -> None:
    deaths = died(tmp_path, MOST_RESTARTS)
    assert deaths.too_many(death(MOST_RESTARTS))
    assert ServerDeaths(tmp_path).too_many(death(MOST_RESTARTS)), "also for the next adapter"


def test_attempts_to_restart_one_dead_server_are_one_death(tmp_path: Path) -> None:
    deaths = ServerDeaths(tmp_path)
    for _ in range(3 * MOST_RESTARTS):
        deaths.note(DEAD)
    assert not deaths.too_many(death(1))
    deaths = died(tmp_path, MOST_RESTARTS)
    assert not deaths.too_many(death(MOST_RESTARTS - 1)), "its last restart has just not succeeded yet"


def test_old_deaths_count_no_more(tmp_path: Path) -> None:
    write_json(tmp_path / "restarts.json", [NOW - RESTART_WINDOW - number for number in range(MOST_RESTARTS)])
    assert not ServerDeaths(tmp_path).too_many(DEAD)


def test_a_server_that_was_stopped_has_not_died(tmp_path: Path) -> None:
    """However often the platform is stopped and started."""
    stopped = replace(DEAD, signal=15, cause="stopped")
    deaths = ServerDeaths(tmp_path)
    for number in range(2 * MOST_RESTARTS):
        deaths.note(replace(stopped, finished_at=NOW - number))
    assert not deaths.too_many(DEAD)
    assert not died(tmp_path, MOST_RESTARTS).too_many(replace(stopped, finished_at=NOW))
