"""Values and outputs of people who wish us ill: nothing becomes code, nothing is read or shown that should not be."""

import json
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.pipeline_run.plan import Limits
from adapters.easymaker.engines.local.pipeline_run.shown_values import Room
from adapters.easymaker.engines.local.processes.sandbox import Sandbox, bubblewrap
from tests.adapters.easymaker.engines.local.pipeline_run.run_world import RunWorld, eventually


def test_a_value_is_compared_and_passed_on_as_it_is(runs: RunWorld, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    text = f"') or __import__('os').system('touch {trap}') or (' \" $(touch {trap}) `touch {trap}` python3 \\ \n"
    ended = runs.run("hostile", {"text": text})
    assert ended.state == "SUCCEEDED", runs.log()
    assert ended.outputs("condition-branches-1/condition-3/say-2") == {"Output": text}
    assert not trap.exists()


def test_a_quote_in_a_value_does_not_break_a_condition(runs: RunWorld) -> None:
    ended = runs.run("hostile", {"text": "it's"})
    assert ended.states["condition-branches-1/condition-2"] == "SUCCEEDED"


@pytest.mark.parametrize("text", ["{{$.json_escape[1]}}", "for {{$.name}}: {{$.inputs}} {{$.inputs.artifacts['x']}}"])
def test_what_looks_like_a_placeholder_in_a_value_is_passed_on_as_it_is(runs: RunWorld, text: str) -> None:
    ended = runs.run("hostile", {"text": text})
    assert ended.state == "SUCCEEDED", runs.log()
    assert ended.outputs("condition-branches-1/condition-3/say-2") == {"Output": text}


def test_logs_and_outputs_are_cut_at_their_limits(runs: RunWorld) -> None:
    limits = Limits(log_bytes=2_000, output_bytes=200_000)
    ended = runs.run("large", {"lines": 5_000, "size": 100_000}, limits=limits)
    node = ended.nodes["shout"]
    assert (node["state"], node["truncated"]) == ("SUCCEEDED", ["outputs.Output"])
    assert len(node["outputs"]["Output"]) < 20_000
    assert 2_000 <= Path(node["logFile"]).stat().st_size < 3_000


def test_outputs_beyond_all_measure_fail_the_task(runs: RunWorld) -> None:
    ended = runs.run("large", {"lines": 1, "size": 100_000}, limits=Limits(output_bytes=50_000))
    assert "its outputs are larger than 50000 bytes" in ended.data["reason"]


def test_links_and_addresses_to_foreign_files_are_not_followed(runs: RunWorld, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    ended = runs.run("links", {"path": str(secret)})
    assert ended.nodes["link-out"]["reason"] == "the output made is not a file"
    assert ended.nodes["lead-away"]["artifacts"][0]["size"] is None
    assert interface.artifact_path(str(secret), runs.root) is None
    assert "the secret" not in str(ended)


def test_no_way_leads_out_of_the_artifacts(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").write_text("x")
    (root / "a" / "file").write_text("x")
    (root / "link").symlink_to(outside)
    assert interface.artifact_path(f"{root}/a/file", root) == root / "a" / "file"
    for address in (f"{root}/link/file", f"{root}/a/../../outside/file", str(root), "a/file", "\0", f"{root}/none"):
        assert interface.artifact_path(address, root) is None


@pytest.mark.parametrize("broken", ["not: a pipeline", "{", None])
def test_what_is_no_pipeline_fails_cleanly(runs: RunWorld, broken: str | None) -> None:
    plan = runs.plan("branches")
    file = runs.folder / "broken.yaml"
    if broken is not None:
        file.write_text(broken)
    data = json.loads((plan.directory / interface.RUN).read_text())
    (plan.directory / interface.RUN).write_text(json.dumps({**data, "pipeline": str(file)}))
    ended = runs.finish(runs.start())
    assert ended.state == "FAILED" and ended.data["reason"]


def test_arguments_and_the_python_are_checked_before_anything_runs(runs: RunWorld) -> None:
    assert "wanted" in runs.run("branches", {"wanted": 3, "more": "x"}).data["reason"]
    (runs.directory / interface.JOURNAL).unlink()
    plan = runs.plan("branches")
    data = json.loads((plan.directory / interface.RUN).read_text())
    (plan.directory / interface.RUN).write_text(json.dumps({**data, "python": "/nowhere/python"}))
    assert "there is no python3 beside /nowhere/python" in runs.finish(runs.start()).data["reason"]


def test_shown_values_are_json_and_share_one_room() -> None:
    room = Room(left=100)
    shown, whole = room.show({"nan": float("nan"), "half": "\ud800", 3: (1,), "more": [float("-inf")]})
    assert whole and json.loads(json.dumps(shown, allow_nan=False)) == {
        "nan": "nan", "half": "?", "3": "(1,)", "more": ["-inf"],
    }  # fmt: skip
    assert room.show("y" * 1_000) == ("y" * 200, False)


@pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap does not work here")
def test_a_task_in_a_sandbox_cannot_touch_the_run_and_is_stopped_like_any_other(runs: RunWorld, tmp_path: Path) -> None:
    journal = runs.directory / interface.JOURNAL
    ended = runs.run("overwrites", {"path": str(journal)}, sandbox=Sandbox(writable=(runs.shared,)))
    assert ended.state == "SUCCEEDED", runs.log()
    assert "Read-only file system" in ended.outputs("overwrite")["Output"]
    runs.directory.rename(tmp_path / "earlier")
    runs.plan("stubborn", sandbox=Sandbox(writable=(runs.shared,)))
    process = runs.start()
    eventually(lambda: len(runs.pids()) == 2, "both tasks")
    process.terminate()
    assert runs.finish(process).state == "CANCELED"
    assert not runs.left()
