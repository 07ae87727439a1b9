"""Train a classifier on a table whose last column is the label: a training script as a user of AI EasyMaker writes it.

It knows the platform by its environment variables and arguments only, and runs by hand as well:

    EM_DATASET_TRAIN=data EM_MODEL_DIR=model python train_iris.py --n_estimators 50
"""

import argparse
import csv
import os
from pathlib import Path

import joblib
import numpy
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split

TREES_PER_STEP = 10


def parse_hyperparameters() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n_estimators", type=int, default=100)
    parser.add_argument("--max_depth", type=int, default=4)
    parser.add_argument("--test_size", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_known_args()[0]


def read_table(path: Path) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Features and labels of a CSV file with one header line."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return numpy.array([row[:-1] for row in rows], dtype=float), numpy.array([row[-1] for row in rows])


def open_tensorboard(directory: str | None):
    """A writer of TensorBoard scalars, or None where there is no library or no place for them."""
    if not directory:
        return None
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        print("tensorboardX is not installed: no scalars are written")
        return None
    return SummaryWriter(directory)


def main() -> None:
    options = parse_hyperparameters()
    features, labels = read_table(Path(os.environ["EM_DATASET_TRAIN"]) / "train.csv")
    print(f"read {len(labels)} rows with {features.shape[1]} features and {len(set(labels))} classes")
    x_train, x_test, y_train, y_test = train_test_split(
        features, labels, test_size=options.test_size, random_state=options.seed, stratify=labels
    )

    board = open_tensorboard(os.environ.get("EM_TENSORBOARD_LOG_DIR"))
    model = RandomForestClassifier(max_depth=options.max_depth, random_state=options.seed, warm_start=True)
    metrics: dict[str, float] = {}
    steps = [*range(TREES_PER_STEP, options.n_estimators, TREES_PER_STEP), options.n_estimators]
    for trees in steps:
        model.set_params(n_estimators=trees)
        model.fit(x_train, y_train)
        metrics = {
            "accuracy": accuracy_score(y_test, model.predict(x_test)),
            "f1": f1_score(y_test, model.predict(x_test), average="macro"),
            "loss": log_loss(y_test, model.predict_proba(x_test), labels=model.classes_),
        }
        print(f"trees={trees} " + " ".join(f"{name}={value:.4f}" for name, value in metrics.items()))
        if board:
            for name, value in metrics.items():
                board.add_scalar(name, value, trees)
    if board:
        board.close()

    print(f"accuracy={metrics['accuracy']:.4f}")
    model_file = Path(os.environ["EM_MODEL_DIR"]) / "model.joblib"
    joblib.dump(model, model_file)
    print(f"saved {model_file.name}, {model_file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
