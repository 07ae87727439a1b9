"""Artifacts of runs that ended long ago go; nothing else does, and nothing of a run that has not ended."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.pipeline_plans import RunFiles
from adapters.easymaker.engines.local.pipeline_retention import DAY, PAUSE_SECONDS, TELL_SECONDS, Retention

DAYS = 120.0


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


Make = Callable[..., RunFiles]


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Make:
    def make(name: str, *, ended_days_ago: float | None) -> RunFiles:
        files = RunFiles(tmp_path / name)
        (files.artifacts / "fit" / "1").mkdir(parents=True)
        (files.artifacts / "fit" / "1" / "model").write_text("a model")
        (files.directory / "run-state.json").write_text("{}")
        if ended_days_ago is not None:
            files.ended.touch()
            os.utime(files.ended, (clock.now, clock.now - ended_days_ago * DAY))
        return files

    return make


def test_only_what_is_old_enough_goes(make: Make, tmp_path: Path, clock: Clock) -> None:
    old, young, running = (make(n, ended_days_ago=days) for n, days in (("a", 120), ("b", 119.9), ("c", None)))
    os.utime(old.directory, (clock.now, clock.now))
    expired = Retention(tmp_path, DAYS, clock).run_if_due()
    assert expired == ["a"]
    assert not old.artifacts.exists()
    assert (old.directory / "run-state.json").exists()
    assert young.artifacts.exists()
    assert running.artifacts.exists()


def test_it_looks_at_most_once_an_hour(make: Make, tmp_path: Path, clock: Clock) -> None:
    retention = Retention(tmp_path, DAYS, clock)
    assert retention.run_if_due() == []
    old = make("a", ended_days_ago=500)
    clock.now += PAUSE_SECONDS - 1
    assert retention.run_if_due() == []
    assert old.artifacts.exists()
    clock.now += 1
    assert retention.run_if_due() == ["a"]


def test_it_is_told_again_in_case_the_first_who_was_told_died(make: Make, tmp_path: Path, clock: Clock) -> None:
    files = make("a", ended_days_ago=500)
    Retention(tmp_path, DAYS, clock).run_if_due()
    os.utime(files.expired, (clock.now, clock.now))
    assert Retention(tmp_path, DAYS, clock).run_if_due() == ["a"]
    clock.now += TELL_SECONDS
    assert Retention(tmp_path, DAYS, clock).run_if_due() == []


def test_what_was_removed_halfway_is_not_handed_out_and_goes_the_next_time(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    files = make("a", ended_days_ago=500)
    files.expired.touch()
    assert Retention(tmp_path, DAYS, clock).run_if_due() == ["a"]
    assert not files.artifacts.exists()


def test_there_may_be_no_runs_at_all(tmp_path: Path, clock: Clock) -> None:
    assert Retention(tmp_path / "nothing", DAYS, clock).run_if_due() == []
