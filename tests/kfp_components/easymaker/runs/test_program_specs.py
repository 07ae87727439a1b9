"""From a step's inputs to a launcher's spec: numbers as people wrote them, no change to a machine's own environment."""

from pathlib import Path
from typing import Any

import pytest

from kfp_components.easymaker.launcher.spec import SpecError
from kfp_components.easymaker.runs.markdown import table
from kfp_components.easymaker.runs.program import Place, Program, launcher_spec, text_of
from kfp_components.easymaker.runs.results import METRICS_FILE, ResultsInvalid, metrics_of, move_into


def spec(tmp_path: Path, environ: dict[str, str] | None = None, **program: Any):
    given = {"source_dir_uri": "nas://v:/s", "entry_point": "t.py"} | program
    return launcher_spec(Program(**given), Place(tmp_path, tmp_path / "tb"), "run", environ or {})


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (0.1, "0.1"), (1e-7, "1e-07"), (True, "true"), ("3.0", "3.0"), ([1, "ä"], '[1, "ä"]')],
)  # fmt: skip
def test_a_value_reaches_the_program_as_it_was_meant(value: Any, text: str) -> None:
    """KFP makes 3.0 of 3, which a program's type=int would refuse."""
    assert text_of(value) == text


def test_a_requirements_txt_changes_no_environment_outside_of_an_image(tmp_path: Path) -> None:
    """With uv and any lock, the launcher installs into a copy; with neither it would change this environment."""
    found = spec(tmp_path)
    assert found.uv is not None
    assert found.requirements_lock is not None
    assert found.requirements_lock.read_text() == ""


def test_the_environment_names_the_stand_in_for_the_image_and_the_tenant(tmp_path: Path) -> None:
    environ = {"EASYMAKER_TRAINING_PYTHON": "/venv/bin/python", "EM_APPKEY": "team", "EM_REGION": "kr1"}
    found = spec(tmp_path, environ, hyperparameters={"n": 2.0}, timeout_minutes=2)
    assert (found.python, found.appkey, found.region) == (Path("/venv/bin/python"), "team", "kr1")
    assert (found.hyperparameters, found.timeout_seconds) == ((("n", "2"),), 120)
    assert spec(tmp_path).timeout_seconds is None


def test_what_cannot_be_run_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="entry_point"):
        spec(tmp_path, entry_point="../t.py")


def test_a_metrics_file_wins_over_the_log(tmp_path: Path) -> None:
    assert metrics_of(tmp_path, {"loss": 1.0}) == {"loss": 1.0}
    (tmp_path / METRICS_FILE).write_text('{"accuracy": 1}')
    assert metrics_of(tmp_path, {"loss": 1.0}) == {"accuracy": 1.0}


@pytest.mark.parametrize("text", ["[1]", '{"a": "1"}', '{"a": true}', "{"])
def test_a_metrics_file_of_something_else_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / METRICS_FILE).write_text(text)
    with pytest.raises(ResultsInvalid, match=METRICS_FILE):
        metrics_of(tmp_path, {})


def test_results_are_moved_into_a_directory_that_kfp_has_made(tmp_path: Path) -> None:
    (tmp_path / "from/sub").mkdir(parents=True)
    (tmp_path / "from/sub/file").write_text("x")
    (tmp_path / "to").mkdir()
    move_into(tmp_path / "from", tmp_path / "to")
    move_into(tmp_path / "absent", tmp_path / "to")
    assert (tmp_path / "to/sub/file").read_text() == "x"


def test_a_table_keeps_its_rows_whatever_is_in_them() -> None:
    assert table(("a|b",), [("x\ny",), ("<i>",)]).splitlines() == ["| a\\|b |", "| --- |", "| x y |", "| \\<i\\> |"]
