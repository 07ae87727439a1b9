"""Stops, kills at any moment, and going on: no task is run twice that had ended, and nothing is left running."""

import os
import signal
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.engines.local.processes.state import Phase
from tests.adapters.easymaker.engines.local.pipeline_run.run_world import RunWorld, eventually


def test_the_state_is_whole_json_at_every_moment_and_tells_what_runs(runs: RunWorld) -> None:
    runs.plan("waits")
    process = runs.start()
    seen: list[str] = []
    while process.poll() is None:
        state = interface.read_state(runs.directory)
        for node in state["nodes"] if state else ():
            if node["id"] == "wait-for" and node["state"] not in seen:
                seen.append(node["state"])
        if "RUNNING" in seen and runs.pids():
            (runs.shared / "go").touch()
    assert "RUNNING" in seen
    assert runs.finish(process).state == "SUCCEEDED"


def test_a_stop_ends_all_tasks_even_those_that_ignore_it(runs: RunWorld) -> None:
    runs.plan("stubborn")
    process = runs.start()
    eventually(lambda: len(runs.pids()) == 2, "both tasks")
    process.send_signal(signal.SIGTERM)
    ended = runs.finish(process)
    assert (ended.state, ended.states) == ("CANCELED", {"ignore-terms": "CANCELED", "wait-for": "CANCELED"})
    assert not runs.left()


def test_a_stop_leaves_what_has_ended_and_begins_nothing_more(runs: RunWorld) -> None:
    runs.plan("waits")
    process = runs.start()
    eventually(runs.pids, "the waiting task")
    eventually(lambda: runs.state().states["make"] == "SUCCEEDED", "the first task")
    process.send_signal(signal.SIGTERM)
    ended = runs.finish(process)
    assert ended.states == {"make": "SUCCEEDED", "read-model": "CANCELED", "wait-for": "CANCELED"}
    before = runs.state().data
    assert runs.finish(runs.start()).data == before


def test_a_killed_run_goes_on_with_what_had_ended(runs: RunWorld) -> None:
    runs.plan("waits")
    process = runs.start()
    eventually(runs.pids, "the waiting task")
    eventually(lambda: runs.state().states["make"] == "SUCCEEDED", "the first task")
    process.kill()
    process.wait()
    orphans = runs.pids()
    again = runs.start()
    eventually(lambda: len(runs.pids()) == 2, "the second attempt")
    assert not set(orphans) & set(runs.left())
    (runs.shared / "go").touch()
    ended = runs.finish(again)
    assert ended.state == "SUCCEEDED"
    assert (ended.nodes["make"]["resumed"], ended.nodes["wait-for"]["resumed"]) == (True, False)
    assert ended.outputs("read-model") == {"Output": "kept"}
    assert len(ended.nodes["make"]["artifacts"]) == 2
    assert not runs.left()


def test_a_task_whose_artifact_is_gone_is_run_again_with_all_that_follows(runs: RunWorld) -> None:
    runs.plan("waits")
    process = runs.start()
    eventually(runs.pids, "the waiting task")
    eventually(lambda: runs.state().states["make"] == "SUCCEEDED", "the first task")
    process.kill()
    process.wait()
    _, model = runs.state().nodes["make"]["artifacts"]
    Path(model["uri"]).unlink()
    (runs.shared / "go").touch()
    ended = runs.finish(runs.start())
    assert (ended.nodes["make"]["resumed"], ended.outputs("read-model")) == (False, {"Output": "kept"})


@pytest.mark.parametrize("moment", ["before_append:2", "after_append:2", "after_append:3", "before_append:5"])
def test_no_kill_around_a_record_loses_or_doubles_a_task(runs: RunWorld, moment: str) -> None:
    runs.plan("nested")
    killed = runs.start(EASYMAKER_CRASH_AT=f"tuning.{moment}")
    assert killed.wait() == -signal.SIGKILL
    kept = sum('"event":"task"' in line for line in (runs.directory / interface.JOURNAL).read_text().splitlines())
    ended = runs.finish(runs.start())
    assert (ended.state, ended.data["outputs"]) == ("SUCCEEDED", {"Output": "outer"})
    assert sum(node["resumed"] for node in ended.nodes.values()) == kept
    assert runs.said().count("outer") + runs.said().count("within") <= 3 + 2


def test_a_run_that_was_killed_while_it_stopped_does_not_go_on(runs: RunWorld) -> None:
    runs.plan("stubborn")
    process = runs.start()
    eventually(lambda: len(runs.pids()) == 2, "both tasks")
    process.send_signal(signal.SIGTERM)
    eventually(lambda: "stopping" in (runs.directory / interface.JOURNAL).read_text(), "the record")
    process.kill()
    process.wait()
    ended = runs.finish(runs.start())
    assert (ended.state, len(runs.pids())) == ("CANCELED", 2)
    assert not runs.left()


def test_one_process_has_a_run(runs: RunWorld) -> None:
    runs.plan("waits")
    process = runs.start()
    eventually(runs.pids, "the waiting task")
    assert runs.start().wait() == interface.IN_USE
    (runs.shared / "go").touch()
    assert runs.finish(process).state == "SUCCEEDED"


def test_under_the_process_runner_nothing_is_left_of_a_killed_program_and_it_goes_on(runs: RunWorld) -> None:
    plan = runs.plan("waits")
    runner = ProcessRunner(runs.folder / "processes")
    runner.start("run-1", interface.process_spec(plan))
    eventually(runs.pids, "the waiting task")
    state = runner.observe("run-1")
    assert state.pid is not None
    os.kill(state.pid, signal.SIGKILL)
    eventually(lambda: runner.observe("run-1").phase is Phase.EXITED, "the end")
    assert not runs.left()
    (runs.shared / "go").touch()
    runner.restart("run-1", interface.process_spec(plan))
    eventually(lambda: interface.is_over(interface.read_state(plan.directory)), "the end of the run")
    eventually(lambda: runner.observe("run-1").phase is Phase.EXITED, "the end of the program")
    assert runs.state().state == "SUCCEEDED"
    eventually(lambda: runner.remove("run-1"), "its removal")


def test_a_damaged_journal_fails_the_run_cleanly(runs: RunWorld) -> None:
    plan = runs.plan("waits")
    good = '{"event":"begun","at":1.0}\n'
    (plan.directory / interface.JOURNAL).write_text(good + "\0" * 20 + "\n" + good)
    ended = runs.finish(runs.start())
    assert (ended.state, runs.pids()) == ("FAILED", [])
    assert "journal is damaged" in ended.data["reason"]
