"""Our corrections inside the real kfp.local: hostile values stay values, and pipelines compute what they say."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE

ROOT = Path(__file__).parents[4]

Run = dict[str, Any]
RunAll = Callable[..., list[Run]]


@pytest.fixture(scope="session")
def kfp_local(compiled: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> RunAll:
    """Run sample pipelines in one process of kfp.local; it would cost two seconds each time."""
    folder = tmp_path_factory.mktemp("kfp-local")
    for name, text in compiled.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")

    def run(mode: str, *runs: tuple[str, dict[str, Any]]) -> list[Run]:
        command = [sys.executable, str(Path(__file__).with_name("local_runs.py")), mode, str(folder)]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder), "TMPDIR": str(folder)}
        done = subprocess.run(
            command, input=json.dumps(runs), capture_output=True, text=True, env=environment, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def corrected(kfp_local: RunAll) -> dict[str, Run]:
    runs: dict[str, tuple[str, dict[str, Any]]] = {
        "branches": ("branches", {}),
        "other branch": ("branches", {"side": "tails", "limit": 2}),
        "escaped": ("escaped", {}),
        "loops": ("loops", {}),
        "nested": ("nested", {}),
        "exit handler": ("exit-handler", {}),
        "model": ("model-branches", {"side": "right"}),
        "unreadable condition": ("quoted", {}),
    }
    return dict(zip(runs, kfp_local("corrected", *runs.values()), strict=True))


def spawning(path: Path) -> str:
    """A value that kfp.local's own evaluation of ``secret == 'open'`` runs as a program."""
    classes = "().__class__.__base__.__subclasses__()"
    return f"' or [c for c in {classes} if c.__name__ == 'Popen'][0](['touch', '{path}']).wait() or '"


def test_a_value_that_spawns_a_program_in_plain_kfp_local_is_only_text_with_ours(
    kfp_local: RunAll, tmp_path: Path
) -> None:
    kfp_local("plain", ("guarded", {"secret": spawning(tmp_path / "plain")}))
    assert (tmp_path / "plain").exists(), "kfp.local no longer evaluates values: is our evaluator still needed?"
    [run] = kfp_local("corrected", ("guarded", {"secret": spawning(tmp_path / "ours")}))
    assert not (tmp_path / "ours").exists()
    assert run == {"notes": ["out"], "failed": ""}


def test_branches_go_by_named_outputs_and_quotes(corrected: dict[str, Run]) -> None:
    assert corrected["branches"]["notes"] == ["won"]
    assert corrected["other branch"]["notes"] == ["drawn"], "several's output 'number' is 3, over 2"
    assert corrected["escaped"]["notes"] == ["same"], "plain kfp.local takes neither branch for a value with a quote"


def test_loops_keep_what_comes_from_outside(corrected: dict[str, Run]) -> None:
    assert corrected["loops"]["failed"] == ""
    notes = corrected["loops"]["notes"]
    assert ["1", "heads"] in notes
    assert ["3", "heads"] in notes
    assert notes.count("four") == 1
    assert ["1", "3"] in notes, "dsl.Collected, in the loop's order"
    assert {"p-x", "p-y"} <= {note for note in notes if isinstance(note, str)}
    assert all([each, number] in notes for each in "ab" for number in "12")
    assert [] in notes, "dsl.Collected of a loop over nothing"
    assert len(notes) == 11, "two items, 'four', twice Collected, x, y, four of the nested loops"


def test_absent_parameters_are_absent_and_defaults_are_the_inner_ones(corrected: dict[str, Run]) -> None:
    assert corrected["nested"]["failed"] == ""
    noted = sorted(map(str, corrected["nested"]["notes"]))
    assert noted == sorted(["None", "default", "the inner default", "None", "around"])


def test_exit_tasks_see_the_failure_and_what_ignores_failures_goes_on(corrected: dict[str, Run]) -> None:
    assert sorted(map(str, corrected["exit handler"]["notes"])) == ["FAILED", "['goes on']"]
    assert "RuntimeError" in corrected["exit handler"]["failed"]


def test_the_model_of_the_branch_that_ran_is_the_output(corrected: dict[str, Run]) -> None:
    assert corrected["model"] == {"notes": ["right model"], "failed": ""}


def test_a_condition_that_cannot_be_read_fails_the_run_and_takes_no_branch(corrected: dict[str, Run]) -> None:
    assert corrected["unreadable condition"]["notes"] == []
    assert "right after" in corrected["unreadable condition"]["failed"]
