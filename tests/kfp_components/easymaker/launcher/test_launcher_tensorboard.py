"""TensorBoard logs of a run that was cut off are not drawn a second time; those of others are left alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.kfp_components.easymaker.launcher.conftest import Training

WRITE_LOG = """
import os, pathlib, uuid
board = pathlib.Path(os.environ["EM_TENSORBOARD_LOG_DIR"])
(board / "train").mkdir(exist_ok=True)
(board / "train" / f"events.{uuid.uuid4().hex}").write_text("a curve")
"""


@pytest.fixture
def board(tmp_path: Path) -> Path:
    directory = tmp_path / "board"
    directory.mkdir()
    return directory


def curves(board: Path) -> list[Path]:
    return sorted(board.rglob("events.*"))


def test_a_second_run_of_a_training_begins_its_logs_afresh(training: Training, board: Path) -> None:
    training.source(WRITE_LOG)
    assert training.run(tensorboard_dir=board).exit_code == 0
    first = curves(board)
    # As a pod that takes the place of a lost one: other work directory, same volume for the logs.
    ended = training.run(tensorboard_dir=board, work_dir=training.root / "work-of-another-pod")
    assert ended.exit_code == 0, ended.stderr
    assert "begun afresh" in ended.stderr
    assert len(first) == len(curves(board)) == 1
    assert first != curves(board)


def test_logs_of_another_training_and_foreign_files_stay(training: Training, board: Path) -> None:
    training.source(WRITE_LOG)
    (board / "events.foreign").write_text("not ours")
    assert training.run(tensorboard_dir=board).exit_code == 0
    assert training.run(tensorboard_dir=board, id="training-2").exit_code == 0
    assert len(curves(board)) == 3


def test_only_the_first_node_begins_the_logs_afresh(training: Training, board: Path) -> None:
    """Another node of the same training that is replaced must not take away the first one's curves."""
    training.source(WRITE_LOG)
    nodes: dict[str, Any] = {
        "instance_count": 2,
        "node_addresses": ("127.0.0.1:1", "127.0.0.1:2"),
        "tensorboard_dir": board,
    }
    assert training.run(**nodes).exit_code == 0
    assert training.run(**nodes, node_rank=1).exit_code == 0
    assert len(curves(board)) == 2
