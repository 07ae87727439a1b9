"""Components in kfp.local, as a user on one machine runs them: real launcher, real files, no EasyMaker around."""

import json
from pathlib import Path

from tests.conftest import PATIENCE, wait_for
from tests.kfp_components.easymaker.local_runs import Workbench

PROGRAM = """
import argparse, json, os
from pathlib import Path
options = argparse.ArgumentParser()
options.add_argument("--rate", type=float)
options.add_argument("--layers", type=int)
options = options.parse_args()
print("seen", sorted(os.listdir(os.environ["EM_DATASET_INPUT"])), options.layers)
print("loss=0.5 accuracy=0.25")
print("loss=0.125 accuracy=0.75")
Path(os.environ["EM_MODEL_DIR"], "weights.txt").write_text("weights")
Path(os.environ["EM_TENSORBOARD_LOG_DIR"], "events.txt").write_text("events")
"""
TRAINING = """
@dsl.pipeline
def pipeline(code: str) -> float:
    data = download(uri="nas://vol:/data")
    trained = train(
        source_dir_uri=code, entry_point="train.py", dataset=data.outputs["dataset"],
        hyperparameters={"rate": 0.5, "layers": 3}, model_upload_uri="nas://vol:/model",
    )
    upload(artifact=trained.outputs["tensorboard_logs"], uri="nas://vol:/logs")
    predictions = download(uri="nas://vol:/predictions.jsonl")
    judged = evaluate(predictions=predictions.outputs["dataset"], target_field="instance.kind",
                      probabilities_field="chances", class_names=["no", "yes"])
    return judged.outputs["Output"]
"""


def test_data_become_a_model_its_metrics_its_logs_and_an_evaluation(workbench: Workbench) -> None:
    workbench.file("source/train.py", PROGRAM)
    workbench.file("data/a.csv", "1,2\n")
    lines = [("no", "no", 0.2), ("no", "yes", 0.6), ("yes", "yes", 0.9), ("yes", "yes", 0.8)]
    records = [{"instance": {"kind": k}, "prediction": p, "chances": [1 - c, c]} for k, p, c in lines]
    workbench.file("predictions.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    run = workbench.run(TRAINING, code="nas://vol:/source")

    assert run.outputs == {"Output": 0.75}
    assert "seen ['a.csv'] 3" in run.log
    assert run.executed("train")["parameterValues"]["metric_values"] == {"loss": 0.125, "accuracy": 0.75}
    assert run.metadata("train", "metrics") == {"loss": 0.125, "accuracy": 0.75}
    assert run.metadata("train", "model") == {
        "modelUploadUri": "nas://vol:/model", "loss": 0.125, "accuracy": 0.75,
    }  # fmt: skip
    (model,) = run.root.glob("*/train/model")
    assert [path.name for path in model.iterdir()] == ["weights.txt"]
    assert (workbench.nas / "model/weights.txt").read_text() == "weights"
    # The launcher's own mark is none of the program's logs.
    assert [path.name for path in (workbench.nas / "logs").iterdir()] == ["events.txt"]
    charts = run.metadata("evaluate", "classification_metrics")
    assert [row["row"] for row in charts["confusionMatrix"]["rows"]] == [[1, 1], [0, 2]]
    assert [point["recall"] for point in charts["confidenceMetrics"]] == [0, 0.5, 1, 1, 1]
    assert run.metadata("evaluate", "metrics")["auRoc"] == 1.0
    (report,) = run.root.glob("*/evaluate/report")
    assert "accuracy: **0.75**" in report.read_text()


def test_a_failed_program_fails_the_step_with_the_launchers_sentence(workbench: Workbench) -> None:
    workbench.file("source/train.py", "raise SystemExit(3)")
    run = workbench.run(
        "pipeline = train", source_dir_uri="nas://vol:/source", entry_point="train.py", hyperparameters={}
    )
    assert not run.succeeded
    assert "RunFailed: The entry point ended with exit code 3." in run.log


STOPPED = """
import os, signal, sys, time
from pathlib import Path
directory = Path(os.environ["EM_CHECKPOINT_DIR"])
found = os.environ.get("EM_CHECKPOINT_INPUT_DIR")
if found:
    Path(os.environ["EM_MODEL_DIR"], "model.txt").write_text("from " + Path(found, "step.txt").read_text())
    sys.exit()
def stop(*_):
    (directory / "step.txt").write_text("step 7")
    sys.exit(1)
signal.signal(signal.SIGTERM, stop)
print("ready to stop", flush=True)
Path(sys.argv[2]).touch()
time.sleep(600)
"""


def test_a_stopped_training_keeps_its_checkpoint_and_the_next_one_resumes_from_it(workbench: Workbench) -> None:
    """What retry_on_preemption relies on."""
    workbench.file("source/train.py", STOPPED)
    mark = workbench.root / "started"
    arguments = {
        "source_dir_uri": "nas://vol:/source",
        "entry_point": "train.py",
        "hyperparameters": {"mark": str(mark)},
        "checkpoint_upload_uri": "nas://vol:/checkpoint",
        "resume": True,
    }
    first = workbench.start("pipeline = train", **arguments)
    first.wait_for(mark.exists, "the program runs")
    first.terminate()
    assert not first.end().succeeded
    wait_for((workbench.nas / "checkpoint/step.txt").exists, PATIENCE, "the checkpoint is uploaded")
    again = workbench.run("pipeline = train", **arguments)
    assert (Path(again.outputs["model"]) / "model.txt").read_text() == "from step 7"


TUNED = """
import argparse, os
from pathlib import Path
options = argparse.ArgumentParser()
options.add_argument("--x", type=float)
options.add_argument("--kind")
options = options.parse_args()
if options.kind == "bad":
    raise SystemExit(1)
print(f"score={1 - (options.x - 2) ** 2}")
Path(os.environ["EM_MODEL_DIR"], "x.txt").write_text(str(options.x))
"""


def test_a_local_tuning_tries_all_points_of_a_grid_and_keeps_the_best_model(workbench: Workbench) -> None:
    workbench.file("source/train.py", TUNED)
    run = workbench.run(
        "pipeline = tune",
        source_dir_uri="nas://vol:/source",
        entry_point="train.py",
        search_space={"x": {"type": "int", "min": 1, "max": 3}, "kind": {"values": ["good", "bad"]}},
        objective_metric="score",
        algorithm="grid",
        max_trials=6,
        max_failed_trials=3,
        parallel_trials=2,
        model_upload_uri="nas://vol:/tuned",
    )
    outputs = run.outputs
    assert outputs["best_parameters"] == {"x": "2", "kind": "good"}
    assert (outputs["best_value"], outputs["tuning_id"]) == (1.0, "")
    assert (Path(outputs["best_model"]) / "x.txt").read_text() == "2.0"
    assert [path.read_text() for path in (workbench.nas / "tuned").glob("*/x.txt")] == ["2.0"]
    table = Path(outputs["trials"]).read_text()
    assert table.count("| SUCCEEDED |") == 3
    assert table.count("FAILED: The entry point ended with exit code 1.") == 3
