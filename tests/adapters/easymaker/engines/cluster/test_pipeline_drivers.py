"""Pipelines, their runs and schedules through their drivers, over a double of Kubeflow Pipelines' API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.catalogue import load
from adapters.easymaker.engines.base import Driver, Observation, Phase
from adapters.easymaker.engines.cluster.api_resources import POD
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.bundles import Applier
from adapters.easymaker.engines.cluster.informers import Cache
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.pipeline_runs import PipelineRunDriver
from adapters.easymaker.engines.cluster.pipelines import PipelineDriver
from adapters.easymaker.engines.cluster.schedules import ScheduleDriver
from adapters.easymaker.errors import NotFound, PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.record import Family, Goal
from adapters.easymaker.settings import Settings
from tests.adapters.easymaker.engines.cluster import pipeline_samples as made
from tests.cluster.pipelines_backend import Backend
from tests.cluster.pipelines_double import PipelinesDouble, Trouble


@dataclass
class Drivers:
    pipelines: PipelineDriver
    runs: PipelineRunDriver
    schedules: ScheduleDriver


MakeDrivers = Callable[[str | None], Drivers]


@pytest.fixture
def kfp() -> Iterator[PipelinesDouble]:
    with PipelinesDouble() as double:
        yield double


@pytest.fixture
def make(server: ApiServer, tmp_path: Path) -> MakeDrivers:
    def drivers(url: str | None) -> Drivers:
        settings = made.samples.cluster_settings(pipelines_url=url, pipelines_token=tmp_path / "token")
        cache = Cache(server, [POD], [], lambda _: None)
        parts = ClusterParts(server, cache, Applier(server), load(), Settings(), settings)
        return Drivers(PipelineDriver(parts), PipelineRunDriver(parts), ScheduleDriver(parts))

    return drivers


@pytest.fixture
def drivers(make: MakeDrivers, kfp: PipelinesDouble) -> Drivers:
    return make(kfp.url)


def remove(driver: Driver, family: Family) -> None:
    for _ in range(5):
        if driver.remove(replace(family, record=replace(family.record, goal=Goal.ABSENT))):
            return
    raise AssertionError("something is left")


def kept(family: Family, seen: Observation) -> Family:
    """With what the loop writes down."""
    return replace(family, record=replace(family.record, state=family.record.state | seen.detail))


def test_without_kubeflow_pipelines_the_reason_says_what_to_set(make: MakeDrivers) -> None:
    without = make(None)
    pairs: list[tuple[Driver, Family]] = [
        (without.pipelines, Family(made.pipeline())),
        (without.runs, made.family(made.run())),
        (without.schedules, made.family(made.schedule())),
    ]
    for driver, family in pairs:
        assert driver.observe(family).phase is Phase.MISSING
        with pytest.raises(PermanentEngineError, match="set EASYMAKER_CLUSTER_PIPELINES_URL"):
            driver.start(family)
        driver.stop(family)
        assert driver.remove(family)


def test_a_pipeline_is_uploaded_once_and_goes(drivers: Drivers, kfp: PipelinesDouble) -> None:
    driver, family = drivers.pipelines, Family(made.pipeline())
    assert driver.observe(family).phase is Phase.MISSING
    driver.start(family)
    driver.start(family)
    assert driver.observe(family).phase is Phase.RUNNING
    (pipeline,) = kfp.backend.pipelines.values()
    assert (pipeline["name"], pipeline["display_name"]) == (f"em-{made.PIPELINE_ID}", "two steps")
    (version,) = kfp.backend.versions.values()
    assert version["pipeline_spec"] == made.spec()
    remove(driver, family)
    assert kfp.backend.pipelines == kfp.backend.versions == {}


def test_a_pipeline_without_a_version_gets_one(drivers: Drivers, kfp: PipelinesDouble) -> None:
    driver, family = drivers.pipelines, Family(made.pipeline())
    driver.start(family)
    kfp.backend.versions.clear()
    assert driver.observe(family).phase is Phase.PENDING
    driver.start(family)
    assert driver.observe(family).phase is Phase.RUNNING


def test_what_kubeflow_pipelines_has_against_a_pipeline_is_told(drivers: Drivers, kfp: PipelinesDouble) -> None:
    kfp.backend.refused_spec = "unknown template format"
    with pytest.raises(PermanentEngineError, match="unknown template format"):
        drivers.pipelines.start(Family(made.pipeline()))


def test_an_upload_that_is_not_allowed_is_tried_again(drivers: Drivers, kfp: PipelinesDouble) -> None:
    """Kubeflow Pipelines answers it with 400, as if the file were wrong."""
    kfp.backend.may = lambda namespace, resource, verb: (resource, verb) != ("pipelines", "create")
    with pytest.raises(TemporaryEngineError, match="does not allow it"):
        drivers.pipelines.start(Family(made.pipeline()))


def begin(drivers: Drivers, kfp: PipelinesDouble, **given: Any) -> tuple[Family, str]:
    """A run that runs, and its id in Kubeflow Pipelines."""
    family = made.family(made.run(**given))
    assert drivers.runs.observe(family).phase is Phase.MISSING
    drivers.runs.start(family)
    seen = drivers.runs.observe(family)
    family = kept(family, seen)
    assert drivers.runs.observe(family).phase is Phase.RUNNING
    (run,) = kfp.backend.runs.values()
    return family, run["run_id"]


def test_a_run_from_nothing_to_its_end(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, run_id = begin(drivers, kfp)
    drivers.runs.start(family)
    (run,) = kfp.backend.runs.values()
    (experiment,) = kfp.backend.experiments
    assert run["experiment_id"] == experiment
    assert run["display_name"] == f"first try ({made.RUN_ID})"
    assert run["runtime_config"] == {"parameters": {"epochs": 5}}
    assert run["service_account"] == "default-editor"
    kfp.backend.move(run_id, "SUCCEEDED")
    seen = drivers.runs.observe(family)
    assert seen.phase is Phase.SUCCEEDED
    assert seen.detail["finishedAt"] >= seen.detail["startedAt"] > 0
    drivers.runs.release(family)
    assert run_id in kfp.backend.runs
    remove(drivers.runs, family)
    assert kfp.backend.runs == {}


def test_a_run_that_failed_names_its_step(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, run_id = begin(drivers, kfp)
    told = [("two-steps-x7k", "FAILED"), ("root", "FAILED"), ("train-driver", "SUCCEEDED"), ("train", "FAILED")]
    kfp.backend.tell_tasks(run_id, *told, ("prepare", "SUCCEEDED"), ("executor", "FAILED"))
    kfp.backend.move(run_id, "FAILED", "exit code 3")
    seen = drivers.runs.observe(family)
    assert (seen.phase, seen.reason) == (Phase.FAILED, "step train failed: exit code 3")


def test_a_run_that_is_stopped(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, run_id = begin(drivers, kfp)
    kfp.backend.moves = False
    drivers.runs.stop(family)
    drivers.runs.stop(family)
    assert kfp.backend.runs[run_id]["state"] == "CANCELING"
    assert drivers.runs.observe(family).phase is Phase.RUNNING
    kfp.backend.moves = True
    assert drivers.runs.observe(family).phase is Phase.STOPPED
    drivers.runs.stop(family)
    assert kfp.asked.count("TerminateRun") == 1


def test_a_run_in_progress_is_terminated_before_it_is_deleted(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, _ = begin(drivers, kfp)
    remove(drivers.runs, family)
    assert kfp.backend.runs == {}
    assert kfp.asked.index("TerminateRun") < kfp.asked.index("DeleteRun")


def test_a_lost_answer_makes_no_second_run(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family = made.family(made.run())
    kfp.plan("CreateRun", trouble=Trouble.CUT_AFTER)
    with pytest.raises(TemporaryEngineError, match="cannot be reached"):
        drivers.runs.start(family)
    drivers.runs.start(family)
    assert drivers.runs.observe(family).phase is Phase.RUNNING
    assert len(kfp.backend.runs) == 1


def test_a_second_run_from_an_answer_that_came_too_late_is_deleted(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family = made.family(made.run())
    drivers.runs.start(family)
    (first,) = kfp.backend.runs.values()
    later = datetime.now(UTC) + timedelta(seconds=5)
    body = {key: first[key] for key in ("display_name", "experiment_id", "pipeline_spec")}
    kfp.backend.add_run(body, kfp.backend.namespaces[first["run_id"]], later)
    assert drivers.runs.observe(family).phase is Phase.MISSING
    drivers.runs.start(family)
    assert list(kfp.backend.runs) == [first["run_id"]]


def test_a_run_that_somebody_deleted_is_missing(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, _ = begin(drivers, kfp)
    kfp.backend.runs.clear()
    lost = replace(family, record=replace(family.record, status="RUNNING"))
    seen = drivers.runs.observe(lost)
    assert seen.phase is Phase.MISSING
    assert seen.detail["finishedAt"] > 0


def test_without_its_pipeline_a_run_cannot_begin(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family = made.family(made.run())
    with pytest.raises(PermanentEngineError, match="its pipeline was deleted"):
        drivers.runs.start(replace(family, refs={"experiment": family.refs["experiment"]}))


def test_a_404_of_something_else_is_no_lost_run(make: MakeDrivers, drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, _ = begin(drivers, kfp)
    with pytest.raises(TemporaryEngineError, match="Not Found"):
        make(f"{kfp.url}/elsewhere").runs.observe(family)


def test_the_graph_of_a_run(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, run_id = begin(drivers, kfp)
    kfp.backend.tell_tasks(run_id, ("prepare", "SUCCEEDED"), ("train-driver", "RUNNING"))
    graph = drivers.runs.report("graph", family, {})
    assert [(node["id"], node["state"]) for node in graph["nodes"]] == [("prepare", "SUCCEEDED"), ("train", "RUNNING")]
    assert graph["edges"] == [{"from": "prepare", "to": "train"}]
    assert graph["nodes"][0]["finishedDatetime"]
    assert graph["nodes"][1]["finishedDatetime"] is None
    (only,) = drivers.runs.report("graph", family, {"nodeId": "train"})["nodes"]
    assert only["id"] == "train"
    with pytest.raises(NotFound):
        drivers.runs.report("graph", family, {"nodeId": "nowhere"})


def test_artifacts_are_not_handed_out(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, _ = begin(drivers, kfp)
    with pytest.raises(NotFound, match="hands no artifact out"):
        drivers.runs.download("artifacts", family, {"nodeId": "train", "artifactName": "model"})
    with pytest.raises(NotFound, match="nowhere"):
        drivers.runs.download("artifacts", family, {"nodeId": "nowhere", "artifactName": "model"})


def test_the_log_of_a_run_tells_its_story(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, run_id = begin(drivers, kfp)
    kfp.backend.tell_tasks(run_id, ("prepare", "SUCCEEDED"))
    content, growing = drivers.runs.read_log(family, 0, 10_000)
    assert b"run: RUNNING" in content
    assert b"prepare: SUCCEEDED" in content
    assert growing


def test_the_log_of_a_step_is_that_of_its_pod(drivers: Drivers, kfp: PipelinesDouble) -> None:
    """An API server without kubelets has pods, but no logs."""
    family, _ = begin(drivers, kfp)
    assert drivers.runs.read_part_log(family, "train", 0, 100) == (b"", True)
    with pytest.raises(NotFound, match="nowhere"):
        drivers.runs.read_part_log(family, "nowhere", 0, 100)


def test_before_it_begins_the_graph_is_that_of_its_pipeline(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family = made.family(made.run())
    graph = drivers.runs.report("graph", family, {})
    assert {node["state"] for node in graph["nodes"]} == {"PENDING"}
    with pytest.raises(NotFound, match="has no run"):
        drivers.runs.report("graph", replace(family, refs={}), {})


def enabled(drivers: Drivers, kfp: PipelinesDouble) -> tuple[Family, str]:
    family = made.family(made.schedule())
    assert drivers.schedules.observe(family).phase is Phase.MISSING
    drivers.schedules.start(family)
    drivers.schedules.start(family)
    seen = drivers.schedules.observe(family)
    assert seen.phase is Phase.RUNNING
    (recurring,) = kfp.backend.recurring
    return kept(family, seen), recurring


def test_a_schedule_from_nothing_to_disabled_and_gone(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, recurring = enabled(drivers, kfp)
    assert kfp.backend.recurring[recurring]["trigger"] == {"periodic_schedule": {"interval_second": "600"}}
    assert datetime.fromisoformat(family.record.state["nextSlot"]) > datetime.now(UTC)
    drivers.schedules.stop(family)
    drivers.schedules.stop(family)
    assert drivers.schedules.observe(family).phase is Phase.STOPPED
    drivers.schedules.start(family)
    assert drivers.schedules.observe(family).phase is Phase.RUNNING
    assert (kfp.asked.count("DisableRecurringRun"), kfp.asked.count("EnableRecurringRun")) == (1, 1)
    remove(drivers.schedules, family)
    assert kfp.backend.recurring == {}


def test_runs_of_a_schedule_are_told_of_once(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, recurring = enabled(drivers, kfp)
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    ids = [kfp.backend.tick(recurring, begun + timedelta(minutes=minute)) for minute in range(20)]
    seen = drivers.schedules.observe(family)
    assert [each.id for each in seen.offspring] == ids
    assert seen.offspring[0].spec == {"scheduledDatetime": begun.isoformat(), "kfpRunId": ids[0]}
    assert seen.detail["lastSlot"] == (begun + timedelta(minutes=19)).isoformat()
    family = kept(family, seen)
    assert drivers.schedules.observe(family).offspring == ()
    # One that is listed late, of a moment before the newest.
    late = kfp.backend.tick(recurring, begun + timedelta(minutes=15))
    later = kfp.backend.tick(recurring, begun + timedelta(minutes=21))
    seen = drivers.schedules.observe(family)
    assert {each.id for each in seen.offspring} == {late, later}
    assert drivers.schedules.observe(kept(family, seen)).offspring == ()


def test_runs_of_a_schedule_come_in_pages(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, recurring = enabled(drivers, kfp)
    ids = {kfp.backend.tick(recurring) for _ in range(250)}
    assert {each.id for each in drivers.schedules.observe(family).offspring} == ids


def test_a_run_that_a_schedule_made_is_never_made_again(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, recurring = enabled(drivers, kfp)
    run_id = kfp.backend.tick(recurring)
    (offspring,) = drivers.schedules.observe(family).offspring
    run = made.family(made.run({"id": offspring.id}, **offspring.spec))
    drivers.runs.observe(run)
    assert drivers.runs.observe(run).phase is Phase.RUNNING
    kfp.backend.runs.clear()
    assert drivers.runs.observe(run).phase is Phase.MISSING
    with pytest.raises(PermanentEngineError, match="does not have this run"):
        drivers.runs.start(run)
    assert run_id not in kfp.backend.runs
    remove(drivers.runs, run)


def test_a_schedule_that_is_over(drivers: Drivers, kfp: PipelinesDouble) -> None:
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    family = made.family(made.schedule(scheduleEndDatetime=past))
    drivers.schedules.start(family)
    assert drivers.schedules.observe(family).phase is Phase.SUCCEEDED


def test_a_disabled_schedule_that_somebody_deleted_waits_for_nothing(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, _ = enabled(drivers, kfp)
    kfp.backend.recurring.clear()
    stopped = replace(family, record=replace(family.record, goal=Goal.STOPPED))
    assert drivers.schedules.observe(stopped).phase is Phase.STOPPED
    assert drivers.schedules.observe(family).phase is Phase.MISSING


def test_a_second_schedule_from_a_late_answer_is_deleted(drivers: Drivers, kfp: PipelinesDouble) -> None:
    family, recurring = enabled(drivers, kfp)
    twin = kfp.backend.recurring[recurring] | {"recurring_run_id": "twin", "created_at": "2100-01-01T00:00:00Z"}
    kfp.backend.recurring["twin"] = twin
    kfp.backend.namespaces["twin"] = kfp.backend.namespaces[recurring]
    assert drivers.schedules.observe(family).phase is Phase.PENDING
    drivers.schedules.start(family)
    assert list(kfp.backend.recurring) == [recurring]


def test_every_failure_passes_and_leaves_one_of_each(drivers: Drivers, kfp: PipelinesDouble) -> None:
    """Each request once in each way; the loop's part, trying again, is played here."""
    backend = Backend()
    kfp.backend = backend
    pipeline, run, schedule = Family(made.pipeline()), made.family(made.run()), made.family(made.schedule())
    creating = ("CreateExperiment", "ListExperiments", "UploadPipeline", "GetPipelineByName", "CreateRun", "ListRuns")
    creating += ("CreateRecurringRun", "ListRecurringRuns", "ListPipelineVersions")
    deleting = ("DeletePipeline", "DeleteRun", "DeleteRecurringRun", "TerminateRun", "GetPipelineByName", "ListRuns")
    pairs: list[tuple[Driver, Family]] = [
        (drivers.pipelines, pipeline),
        (drivers.runs, run),
        (drivers.schedules, schedule),
    ]
    for trouble in Trouble:
        kfp.plan(*creating, trouble=trouble)
    for driver, family in pairs:
        assert _until(driver, family, Phase.RUNNING)
    assert [len(each) for each in (backend.pipelines, backend.runs, backend.recurring, backend.experiments)] == [1] * 4
    for trouble in Trouble:
        kfp.plan(*deleting, trouble=trouble)
    for driver, family in pairs:
        _until_gone(driver, family)
    assert backend.pipelines == backend.versions == backend.runs == backend.recurring == {}
    assert {trouble for _, trouble in kfp.happened} == set(Trouble)


def _until(driver: Driver, family: Family, phase: Phase) -> bool:
    for _ in range(200):
        try:
            if driver.observe(family).phase is phase:
                return True
            driver.start(family)
        except TemporaryEngineError:
            continue
    return False


def _until_gone(driver: Driver, family: Family) -> None:
    gone = replace(family, record=replace(family.record, goal=Goal.ABSENT))
    for _ in range(200):
        try:
            if driver.remove(gone):
                return
        except TemporaryEngineError:
            continue
    raise AssertionError("something is left")
