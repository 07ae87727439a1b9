"""What pipelines are made of, run by the real program with the real kfp.local, and what the state says of it."""

from pathlib import Path

from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.pipeline_run.plan import Limits
from tests.adapters.easymaker.engines.local.pipeline_run.run_world import RunWorld


def test_the_branch_that_is_true_runs_and_its_value_is_chosen(runs: RunWorld) -> None:
    ended = runs.run("branches", {"wanted": "left"})
    assert (ended.state, ended.data["outputs"]) == ("SUCCEEDED", {"Output": "yes"})
    assert ended.states["condition-branches-1/condition-2/say"] == "SUCCEEDED"
    assert ended.states["condition-branches-1/condition-3"] == "SKIPPED"
    assert ended.states["condition-branches-1/condition-3/say-2"] == "SKIPPED"
    node = ended.nodes["condition-branches-1/condition-2/say"]
    assert "says yes say run-1" in Path(node["logFile"]).read_text()
    assert node["endedAt"] > node["startedAt"] >= ended.data["startedAt"]
    assert not runs.left()


def test_loops_have_a_node_per_iteration_and_their_outputs_are_collected_in_order(runs: RunWorld) -> None:
    ended = runs.run("loops")
    assert ended.state == "SUCCEEDED", runs.log()
    assert ended.outputs("gathered") == {"Output": "x+y+z"}
    assert ended.outputs("read-all") == {"Output": "a+b"}
    inner = "for-loop-1[2]/for-loop-3[1]/say-2"
    assert ended.nodes[inner]["graphId"] == "for-loop-1/for-loop-3/say-2"
    assert ended.outputs(inner) == {"Output": "2"}
    assert "y" in ended.nodes["for-loop-1[1]"]["inputs"].values()
    assert "for-loop-1/say" not in ended.nodes
    assert [node["state"] for path, node in ended.nodes.items() if path.endswith("say")] == ["SUCCEEDED"] * 3
    parents = {node["parentId"] for node in ended.nodes.values()} - {None}
    assert parents <= ended.nodes.keys()


def test_two_tasks_of_one_component_keep_their_artifacts_apart(runs: RunWorld) -> None:
    ended = runs.run("twice")
    assert (ended.outputs("read-model"), ended.outputs("read-model-2")) == ({"Output": "one"}, {"Output": "two"})
    metrics, model = ended.nodes["make"]["artifacts"]
    assert (model["output"], model["type"], model["size"]) == ("model", "system.Model", 3)
    assert model["metadata"] == {"text": "one"}
    assert (metrics["metadata"], metrics["size"]) == ({"accuracy": 0.5}, None)
    path = interface.artifact_path(model["uri"], runs.root)
    assert path is not None and path.read_text() == "one"


def test_an_exit_task_runs_after_a_failure_and_is_told_of_it(runs: RunWorld) -> None:
    ended = runs.run("exits")
    assert (ended.state, ended.data["reason"]) == ("FAILED", "exit-handler-1/fail: ended with exit code 3")
    assert ended.outputs("final") == {"Output": "FAILED"}
    assert ended.states["exit-handler-1/say"] == "SKIPPED"
    assert ended.states["exit-handler-1/say-2"] == "SUCCEEDED"
    assert "fails now" in Path(ended.nodes["exit-handler-1/fail"]["logFile"]).read_text()


def test_an_importer_gives_a_local_file_to_a_task(runs: RunWorld, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("imported")
    ended = runs.run("imports", {"path": str(tmp_path / "data")})
    assert ended.outputs("read-data") == {"Output": "imported"}
    assert ended.nodes["importer"]["artifacts"][0]["uri"] == str(tmp_path / "data")


def test_a_task_is_tried_again_as_often_as_its_policy_says(runs: RunWorld) -> None:
    ended = runs.run("retries", {"attempt": 3})
    assert (ended.state, ended.nodes["succeed-at"]["attempts"]) == ("SUCCEEDED", 3)


def test_a_task_fails_when_its_retries_are_used_up(runs: RunWorld) -> None:
    ended = runs.run("retries", {"attempt": 4})
    assert (ended.state, ended.nodes["succeed-at"]["attempts"]) == ("FAILED", 3)
    assert Path(ended.nodes["succeed-at"]["logFile"]).read_text().count("not yet") >= 3


def test_independent_tasks_run_side_by_side(runs: RunWorld) -> None:
    """Each waits until it has seen the others: one after another would never end."""
    assert runs.run("meets").state == "SUCCEEDED"


def test_a_nested_pipeline_takes_its_own_default(runs: RunWorld) -> None:
    ended = runs.run("nested", {"text": "given"})
    assert (ended.outputs("inner/say"), ended.outputs("inner-2/say")) == ({"Output": "given"}, {"Output": "within"})


def test_a_timeout_ends_a_task_and_what_has_no_effect_is_noted(runs: RunWorld) -> None:
    ended = runs.run("timed")
    node = ended.nodes["wait-for"]
    assert (node["state"], node["reason"]) == ("FAILED", "took longer than its timeout of 1 seconds")
    assert "the memory limit has no effect on this machine" in node["notes"]
    assert "the accelerator has no effect on this machine" in node["notes"]
    assert "the Kubernetes setting nodeSelector has no effect on this machine" in node["notes"]
    assert not runs.left()


def test_a_finished_step_is_taken_from_the_cache_only_where_it_may(runs: RunWorld, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    assert runs.run("cached", cache=cache).state == "SUCCEEDED"
    runs.directory.rename(tmp_path / "earlier")
    ended = runs.run("cached", cache=cache)
    assert (ended.nodes["say"]["cached"], ended.nodes["say-2"]["cached"]) == (True, False)
    assert sorted(runs.said()) == ["always", "always", "once"]


def test_a_loop_over_more_than_a_run_may_hold_fails_and_says_so(runs: RunWorld) -> None:
    ended = runs.run("many", {"items": [str(number) for number in range(30)]}, limits=Limits(nodes=20))
    assert (ended.state, runs.said()) == ("FAILED", [])
    assert "30 iterations would make more than 20 nodes" in ended.data["reason"]
