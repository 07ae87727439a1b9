"""A training program as users write them: flowers told apart by four measures of their leaves."""

import argparse
import json
import os
from pathlib import Path

import joblib  # pyright: ignore[reportMissingImports]
from sklearn.datasets import load_iris  # pyright: ignore[reportMissingImports]
from sklearn.linear_model import LogisticRegression  # pyright: ignore[reportMissingImports]
from sklearn.model_selection import train_test_split  # pyright: ignore[reportMissingImports]

parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float, default=1.0)
parser.add_argument("--max_iter", type=int, default=200)
options = parser.parse_args()

features, labels = load_iris(return_X_y=True)
known, unseen, known_labels, unseen_labels = train_test_split(features, labels, test_size=0.3, random_state=0)
model = LogisticRegression(C=options.C, max_iter=options.max_iter).fit(known, known_labels)
print(f"accuracy={model.score(unseen, unseen_labels):.4f}")  # noqa: T201 - where metrics are found

directory = Path(os.environ["EM_MODEL_DIR"])
joblib.dump(model, directory / "model.joblib")
# For the pipeline's evaluation: what the model says of flowers that it has not seen.
with (directory / "predictions.jsonl").open("w", encoding="utf-8") as out:
    for row, label, chances in zip(unseen, unseen_labels, model.predict_proba(unseen), strict=True):
        record = {"instance": row.tolist(), "species": int(label)}
        out.write(json.dumps(record | {"prediction": int(chances.argmax()), "chances": chances.tolist()}) + "\n")
