"""The decisions of a run by themselves: what may begin, which nodes there are, how long a retry waits."""

import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.easymaker.engines.local.pipeline_run.nodes import Nodes, NodeState, TooManyNodes
from adapters.easymaker.engines.local.pipeline_run.plan import Limits, RunPlan
from adapters.easymaker.engines.local.pipeline_run.retries import MOST, pauses
from adapters.easymaker.engines.local.pipeline_run.scheduling import End, Schedule, Waiting
from adapters.easymaker.engines.local.pipeline_run.stop_request import StopRequest
from adapters.easymaker.engines.local.pipeline_run.task_files import UnreadableOutput, check_outputs, fresh
from adapters.easymaker.engines.local.processes.sandbox import Sandbox


def waiting(name: str, *after: str, **more: Any) -> Waiting:
    return Waiting(name, frozenset(after), **more)


def names(schedule: Schedule) -> list[str]:
    return [step.name for step in schedule.ready() if not step.blocked]


def test_a_task_begins_when_all_before_it_have_ended() -> None:
    schedule = Schedule([waiting("a"), waiting("b"), waiting("c", "a", "b")])
    assert names(schedule) == ["a", "b"] and names(schedule) == []
    schedule.ended("a", End.DONE)
    assert names(schedule) == []
    schedule.ended("b", End.DONE)
    assert names(schedule) == ["c"] and not schedule.over
    schedule.ended("c", End.DONE)
    assert schedule.over and not schedule.failed


def test_a_failure_blocks_what_follows_it_but_not_what_ignores_it_and_not_the_exit_task() -> None:
    exit_task = waiting("exit", "d", after_failure=True, last=True)
    tasks = [waiting("a"), waiting("b", "a"), waiting("c", "b"), waiting("d", "a", after_failure=True), exit_task]
    schedule = Schedule(tasks)
    assert names(schedule) == ["a"]
    schedule.ended("a", End.FAILED)
    steps = {step.name: step for step in schedule.ready()}
    assert (steps["b"].failed, steps["c"].failed, steps["d"].blocked) == (True, True, "")
    assert "exit" not in steps
    schedule.ended("d", End.DONE)
    assert names(schedule) == ["exit"]
    schedule.ended("exit", End.DONE)
    assert schedule.over and schedule.failed


def test_only_a_task_that_takes_something_from_a_skipped_one_is_skipped_with_it() -> None:
    schedule = Schedule([waiting("a"), waiting("b", "a", takes=frozenset({"a"})), waiting("c", "a"), waiting("d", "b")])
    assert names(schedule) == ["a"]
    schedule.ended("a", End.SKIPPED)
    steps = {step.name: (bool(step.blocked), step.failed) for step in schedule.ready()}
    assert steps == {"b": (True, False), "c": (False, False), "d": (False, False)}


def test_every_task_of_any_graph_has_its_turn_once_and_in_order() -> None:
    chance = random.Random(5)
    for _ in range(200):
        count = chance.randint(1, 12)
        before = {f"t{i}": {f"t{j}" for j in range(i) if chance.random() < 0.3} for i in range(count)}
        schedule = Schedule([waiting(name, *after) for name, after in before.items()])
        running: list[str] = []
        ended: list[str] = []
        while not schedule.over:
            for step in schedule.ready():
                assert before[step.name] <= set(ended)
                running.append(step.name)
            done = running.pop(chance.randrange(len(running)))
            ended.append(done)
            schedule.ended(done, End.DONE)
        assert sorted(ended) == sorted(before)


def node(path: str, kind: str) -> dict[str, Any]:
    parent, _, name = path.rpartition("/")
    return {"id": path, "name": name, "displayName": name, "kind": kind, "parentId": parent or None}


LOOPED = {
    "nodes": [
        node("l", "LOOP"), node("l/d", "DAG"), node("l/d/t", "TASK"), node("l/m", "LOOP"), node("l/m/t", "TASK"),
        node("end", "TASK"),
    ],
}  # fmt: skip


def test_a_loop_has_what_is_in_it_once_per_iteration() -> None:
    nodes = Nodes(LOOPED, {"l/d/t": ("a note",)}, 100)
    assert list(nodes.by_id) == ["l", "end"]
    nodes.add_iterations("l", 2)
    assert {"l[1]", "l[1]/d", "l[1]/d/t", "l[1]/m"} <= nodes.by_id.keys() and "l[1]/m/t" not in nodes.by_id
    nodes.add_iterations("l[1]/m", 1)
    inner = nodes.by_id["l[1]/m[0]/t"]
    assert (inner.graph_id, inner.parent, inner.state) == ("l/m/t", "l[1]/m[0]", NodeState.PENDING)
    assert nodes.by_id["l[0]/d/t"].notes == ("a note",)
    assert {each.id for each in nodes.below("l[1]")} == {
        "l[1]/d", "l[1]/d/t", "l[1]/m", "l[1]/m[0]", "l[1]/m[0]/t",
    }  # fmt: skip


def test_a_loop_cannot_make_more_nodes_than_a_run_may_have() -> None:
    nodes = Nodes(LOOPED, {}, 20)
    nodes.add_iterations("l", 4)
    with pytest.raises(TooManyNodes, match="10 iterations"):
        nodes.add_iterations("l[0]/m", 10)
    assert len(nodes.by_id) == 18


def duration(seconds: float) -> SimpleNamespace:
    return SimpleNamespace(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


def test_pauses_grow_up_to_the_longest() -> None:
    policy = SimpleNamespace(
        max_retry_count=4,
        backoff_duration=duration(1.5),
        backoff_factor=3.0,
        backoff_max_duration=duration(10),
        HasField=lambda name: name == "backoff_max_duration",
    )
    assert pauses(policy) == [1.5, 4.5, 10.0, 10.0]
    policy.max_retry_count = 10**9
    assert len(pauses(policy)) == MOST


def test_every_execution_has_a_folder_that_no_other_has_had(tmp_path: Path) -> None:
    first = fresh(tmp_path / "task")
    (first / "model").write_text("x")
    second = fresh(tmp_path / "task")
    assert second != first and not list(first.iterdir())


def test_outputs_are_files_of_a_certain_size(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("x" * 10)
    check_outputs(tmp_path, ["good", "missing"], 10)
    with pytest.raises(UnreadableOutput):
        check_outputs(tmp_path, ["good"], 9)
    (tmp_path / "executor_output.json").symlink_to("/etc/hostname")
    with pytest.raises(UnreadableOutput):
        check_outputs(tmp_path, [], 10_000)


def test_a_plan_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    plan = RunPlan(
        directory=tmp_path,
        pipeline=tmp_path / "p.yaml",
        pipeline_root=tmp_path / "root",
        python=Path(sys.executable),
        arguments={"a": [1, {"b": None}]},
        environment={"EM_PIPELINE_RUN_ID": "r"},
        limits=Limits(parallel_tasks=3, task_seconds=2.5),
        cache=tmp_path / "cache",
        sandbox=Sandbox(writable=(tmp_path,), hidden=(tmp_path / "x",)),
    )
    assert RunPlan.from_json(plan.to_json()) == plan
    assert plan.run_id == "r"


def test_a_stop_can_be_asked_for_again_and_again() -> None:
    request = StopRequest()
    for _ in range(3):
        request.ask()
    request.wait()


def test_who_only_starts_and_reads_runs_does_not_import_kfp() -> None:
    """It takes two seconds, and memory."""
    program = "import sys, adapters.easymaker.engines.local.pipeline_run.interface; sys.exit('kfp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
