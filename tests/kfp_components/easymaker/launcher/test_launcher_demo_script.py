"""The demo's training script under the real launcher: the model loads again and TensorBoard can read the scalars."""

import subprocess
from pathlib import Path

import pytest

from tests.kfp_components.easymaker.launcher.conftest import Training, cached_environment

SCRIPT = Path(__file__).parents[4] / "adapters" / "easymaker" / "cli" / "demo_files" / "train_iris.py"
WRITE_IRIS = """
import csv, sys
from sklearn.datasets import load_iris
iris = load_iris()
with open(sys.argv[1], "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["sepal_length", "sepal_width", "petal_length", "petal_width", "species"])
    table.writerows([*row, iris.target_names[kind]] for row, kind in zip(iris.data, iris.target))
"""
PREDICT = """
import joblib, sys
print(*joblib.load(sys.argv[1]).predict([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]))
"""


@pytest.fixture(scope="session")
def sklearn_python() -> Path:
    return cached_environment("sklearn", "scikit-learn", "tensorboardX")


@pytest.mark.slow
def test_the_demo_trains_a_model_that_predicts(training: Training, sklearn_python: Path) -> None:
    csv = training.file("data/train.csv", "")
    subprocess.run([sklearn_python, "-c", WRITE_IRIS, csv], check=True)
    training.source(SCRIPT.read_text())
    ended = training.run(
        python=sklearn_python,
        hyperparameters=(("n_estimators", "25"), ("max_depth", "3")),
        datasets=(("train", "nas://vol:/data"),),
        tensorboard_dir=training.root / "tb",
    )
    assert ended.exit_code == 0, ended.stderr
    lines = ended.stdout.decode().splitlines()
    assert lines[0] == "read 150 rows with 4 features and 3 classes"
    assert [line.split()[0] for line in lines[1:4]] == ["trees=10", "trees=20", "trees=25"]
    assert float(lines[4].removeprefix("accuracy=")) > 0.9
    model = training.model / "model.joblib"
    answer = subprocess.run([sklearn_python, "-c", PREDICT, model], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["setosa", "virginica"]
    assert _scalars(training.root / "tb") == {"accuracy": [10, 20, 25], "f1": [10, 20, 25], "loss": [10, 20, 25]}


def _scalars(directory: Path) -> dict[str, list[int]]:
    """The steps of each scalar, as TensorBoard itself reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory))
    events.Reload()
    return {tag: [event.step for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
