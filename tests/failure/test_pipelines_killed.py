"""Pipelines while parts are killed or away: runs go on or fail with a reason, nothing runs twice, what is old goes."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.adapters.easymaker.api.pipeline_runs_at_hand import (
    RUN,
    RUNS,
    SCHEDULE,
    SCHEDULES,
    Pipelines,
    compile_pipelines,
)
from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import ForkedAdapter, Keeper
from tests.failure.life import Patient
from tests.failure.remains import doubled
from tests.failure.test_platform_stop import stop_platform

MARKS = {"step": "kfp.dsl.executor_main", "program": "pipeline_run", "wrapper": "wrapper_main.py"}
# Between a slot that is due and a run that has begun there is each of these.
POINTS = (
    "reconcile.after_claim",
    "reconcile.after_observe",
    "reconcile.before_apply",
    "reconcile.after_apply",
    "reconcile.before_act",
    "process.before_spawn",
    "process.after_spawn",
    "reconcile.after_act",
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_pipelines(tmp_path_factory.mktemp("compiled"))


@pytest.fixture
def killed(place: Installation, compiled: Path, make_keeper: object) -> Iterator[Pipelines]:
    """Pipelines of the place; all that was made with them is deleted at the end, while keepers still keep."""
    made = Pipelines(place, compiled)
    yield made
    made.clear()


def process_of(run: str, which: str) -> psutil.Process | None:
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            texts = [*words, *process.environ().values()]
        except psutil.Error:
            continue
        sandbox = bool(words) and words[0].endswith("bwrap")
        if not sandbox and any(run in text for text in texts) and any(MARKS[which] in word for word in words[:5]):
            return process
    return None


@pytest.mark.parametrize("which", ["program", "wrapper"])
def test_a_run_whose_program_is_killed_goes_on(killed: Pipelines, adapter: ForkedAdapter, which: str) -> None:
    run = killed.waits_in_the_middle(which)
    victim = process_of(run, which)
    assert victim is not None
    victim.kill()
    wait_for(lambda: killed.noted(which).count("began") == 2, PATIENCE, "the step that was cut short runs again")
    killed.go(which)
    ended = killed.end(run)
    assert ended["pipelineRunStatusCode"] == "COMPLETE", ended["pipelineRunStatusReason"]
    # The step that had ended was not run again.
    assert killed.noted(which) == ["first", "began", "began", "last"]


def test_a_killed_step_fails_its_run_by_name(killed: Pipelines, adapter: ForkedAdapter) -> None:
    run = killed.waits_in_the_middle("step")
    victim = process_of(run, "step")
    assert victim is not None
    victim.kill()
    ended = killed.end(run)
    assert ended["pipelineRunStatusCode"] == "FAIL_PIPELINE_RUN"
    assert ended["pipelineRunStatusReason"].startswith("wait-for: ")
    assert killed.states(run) == {"note": "SUCCEEDED", "wait-for": "FAILED", "note-2": "SKIPPED"}


def test_a_stopped_platform_takes_its_runs_up_again(
    killed: Pipelines, adapter: ForkedAdapter, make_keeper: Callable[[Sequence[str]], Keeper]
) -> None:
    goes_on, stopped = killed.waits_in_the_middle("goes-on"), killed.waits_in_the_middle("stays")
    killed.api.ok("PUT", f"/{RUNS}/{stopped}/stop")
    killed.end(stopped)
    stop_platform(killed.installation)
    make_keeper(())
    wait_for(lambda: killed.noted("goes-on").count("began") == 2, PATIENCE, "the run goes on")
    killed.go("goes-on")
    assert Patient(killed.installation).wait(RUNS, goes_on, "COMPLETE")
    assert killed.noted("goes-on") == ["first", "began", "began", "last"]
    assert killed.api.get(RUNS, RUN, stopped)["pipelineRunStatusCode"] == "STOPPED"


def test_what_has_grown_old_while_no_adapter_ran_is_removed_and_shown_as_such(
    killed: Pipelines, adapter: ForkedAdapter, make_keeper: Callable[[Sequence[str]], Keeper]
) -> None:
    run = killed.completed("train", {"text": "old"})["pipelineRunId"]
    artifact = f"/{RUNS}/{run}/artifacts?nodeId=fit&artifactName=model"
    assert killed.api.call("GET", artifact).content == b"oldold"
    killed.installation.kill()
    directory = killed.installation.home / "pipelines" / run
    os.utime(directory / "ended", (0, 0))
    make_keeper(())
    patient = Patient(killed.installation)
    wait_for(lambda: patient.get(RUNS, run)["artifactsExpired"], PATIENCE, "the run says that its artifacts are gone")
    assert "older than 120 days" in killed.api.refused("GET", artifact, 404)
    assert not (directory / "artifacts").exists()
    # All else of the run is there as before.
    assert patient.get(RUNS, run)["pipelineRunStatusCode"] == "COMPLETE"
    assert killed.states(run) == {"fit": "SUCCEEDED", "use": "SUCCEEDED"}
    assert f"fitted old {run}" in killed.api.call("GET", f"/{RUNS}/{run}/logs?nodeId=fit").text


def test_every_slot_has_one_run_whenever_the_adapter_dies(
    killed: Pipelines, adapter: ForkedAdapter, make_keeper: Callable[[Sequence[str]], Keeper]
) -> None:
    killed.pipeline("notes")
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
    settings: dict[str, Any] = {
        "scheduleCronExpression": "* * * * * *",
        "scheduleEndDatetime": end.isoformat(),
        "maxConcurrencyCount": 10,
    }
    schedule = killed.schedule("notes", {"name": "slots"}, **settings)
    made = datetime.fromisoformat(killed.api.get(SCHEDULES, SCHEDULE, schedule)["createdDatetime"])
    killed.installation.kill()
    keeper = make_keeper(POINTS)
    patient = Patient(killed.installation)
    patient.wait(SCHEDULES, schedule, "ENABLED_EXPIRED")
    listed = patient.ok("GET", f"/{RUNS}?pipelineRecurringRunId={schedule}")["pipelineRunList"]
    for run in listed:
        patient.wait(RUNS, run["pipelineRunId"], "COMPLETE")
    assert keeper.disarm() == []
    slots = sorted(datetime.fromisoformat(run["scheduledDatetime"]) for run in listed)
    first = made.replace(microsecond=0) + timedelta(seconds=1)
    assert slots == [first + timedelta(seconds=number) for number in range(len(slots))]
    assert slots[-1] == end
    # A note is a step that ran: none is missing, and none was made twice.
    assert len(killed.noted("slots")) == len(slots)
    assert doubled(killed.installation) == []
    assert keeper.trouble == []
