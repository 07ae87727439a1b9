"""Which file is the model, and what is said when that cannot be told or read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kserve_runtimes.models.artifact import find_artifact
from kserve_runtimes.models.errors import ModelLoadError
from kserve_runtimes.models.mlserver_command import EXIT_MODEL_NOT_LOADED
from tests.conftest import PATIENCE


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def test_model_joblib_wins(tmp_path: Path) -> None:
    assert find_artifact(touch(tmp_path, "a.pkl", "model.joblib")).name == "model.joblib"


@pytest.mark.parametrize("name", ["anything.joblib", "anything.pkl", "anything.pickle"])
def test_a_single_model_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    assert find_artifact(touch(tmp_path, name, "notes.txt")).name == name


def test_a_file_is_itself(tmp_path: Path) -> None:
    assert find_artifact(touch(tmp_path, "x.joblib") / "x.joblib").name == "x.joblib"


def test_none_and_several_and_nothing_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"no \*\.joblib.*it has no files"):
        find_artifact(tmp_path)
    with pytest.raises(ModelLoadError, match=r"several model files \(a\.joblib, b\.pkl\)"):
        find_artifact(touch(tmp_path, "a.joblib", "b.pkl"))
    with pytest.raises(ModelLoadError, match="does not exist"):
        find_artifact(tmp_path / "missing")


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("none", "The model directory has no *.joblib or *.pkl or *.pickle file; it has weights.h5."),
        ("several", "The model directory has several model files (a.joblib, b.pkl)"),
        ("broken", "model.joblib cannot be read as a scikit-learn model"),
        ("foreign", "model.pkl needs the Python module no_such_module"),
        ("dictionary", "model.joblib holds a dict, which has neither predict nor transform."),
    ],
)
def test_a_server_that_cannot_load_ends_and_says_why(launch: Callable, folder: str, sentence: str) -> None:
    """Its exit code and last line become the stage resource's reason."""
    server = launch(folder)
    assert server.process.wait(PATIENCE) == EXIT_MODEL_NOT_LOADED
    assert server.log.read_text().strip().splitlines()[-1].startswith(sentence)


def test_an_unknown_output_parameter_ends_the_server(launch: Callable) -> None:
    server = launch("regression", parameters={"predict_fn": "predict_proba"})
    assert server.process.wait(PATIENCE) == EXIT_MODEL_NOT_LOADED
    last = server.log.read_text().strip().splitlines()[-1]
    assert last == "The model parameter predict_fn is predict_proba; this model offers predict."
