"""The launcher as a pod runs it: rendered arguments, mounts and files, in real processes."""

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.easymaker.engines.cluster.mapping.training_jobs import training_bundle
from adapters.easymaker.engines.local.processes.sandbox import bubblewrap
from adapters.easymaker.kinds.record import Record
from tests.adapters.easymaker.engines.cluster import training_samples as samples
from tests.adapters.easymaker.engines.cluster.training_pods import TrainingPods
from tests.adapters.easymaker.engines.cluster.waiting import until

pytestmark = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap cannot be used here")

PLAIN = """
import json, os, pathlib, sys
assert os.getpid() != 1
pathlib.Path(os.environ["EM_MODEL_DIR"], "model.txt").write_text(" ".join(sys.argv[1:]))
pathlib.Path(os.environ["EM_TENSORBOARD_LOG_DIR"], "events").write_text("a curve")
train = pathlib.Path(os.environ["EM_DATASET_TRAIN"], "rows.csv").read_text()
print(json.dumps({"train": train, "tf": os.environ.get("TF_CONFIG"), "region": os.environ["EM_REGION"]}))
"""

GREET = """
import json, os, socket, time
config = json.loads(os.environ["TF_CONFIG"])
index, workers = config["task"]["index"], config["cluster"]["worker"]
host, port = workers[0].rsplit(":", 1)
if index == 0:
    with socket.create_server((host, int(port))) as server:
        greeting = server.accept()[0].makefile().readline()
else:
    while True:
        try:
            with socket.create_connection((host, int(port))) as chief:
                chief.sendall(b"hello from %d" % index)
            greeting = "sent"
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
open(os.environ["EM_MODEL_DIR"] + f"/from-{index}", "w").write(greeting)
print(json.dumps({"index": index, "workers": workers, "rank": os.environ["RANK"], "greeting": greeting}))
"""

LONG = """
import os, pathlib, time
pathlib.Path(os.environ["EM_CHECKPOINT_DIR"], "step-1").write_text("weights")
print("begun", flush=True)
while True:
    time.sleep(60)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[Record], TrainingPods]]:
    made: list[TrainingPods] = []

    def pods_of(record: Record) -> TrainingPods:
        bundle = training_bundle(record, samples.site())
        made.append(TrainingPods(bundle, bundle.owner["spec"]["runtimeRef"]["name"], tmp_path))
        return made[-1]

    yield pods_of
    for pods in made:
        pods.close()


def test_a_pod_trains_and_its_results_are_where_they_belong(run: Callable[[Record], TrainingPods]) -> None:
    pods = run(
        samples.training(
            hyperparameterList=[{"parameterName": "epochs", "parameterValue": "3"}],
            datasetList=[{"datasetName": "train", "dataUri": "nas://data:/iris/train"}],
        )
    )
    pods.file("nas-data/iris/source/train.py", PLAIN)
    pods.file("nas-data/iris/train/rows.csv", "1,2,3")
    pods.volume("nas-results")
    assert pods.wait(pods.start(0)) == 0, pods.errors(0)
    assert json.loads(pods.output(0)) == {"train": "1,2,3", "tf": None, "region": "kr1"}
    assert (pods.volume("nas-results") / "iris/model/model.txt").read_text() == "--epochs 3"
    board = pods.volume(f"em-{samples.EXPERIMENT_ID}-tensorboard")
    assert (board / samples.TRAINING_ID / "events").is_file()
    status = json.loads((pods.work(0) / "status.json").read_text())
    assert (status["phase"], status["exit_code"]) == ("DONE", 0)


def test_two_nodes_meet_at_the_names_that_jobset_gives_them(run: Callable[[Record], TrainingPods]) -> None:
    pods = run(samples.training(instanceCount=2, dataStorageSize=300))
    pods.file("nas-data/iris/source/train.py", GREET)
    pods.volume("nas-results")
    job = f"em-{samples.TRAINING_ID}"
    # The port is always the same, so each run has addresses of its own.
    network = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"
    hosts = {f"{job}-node-0-{rank}.{job}": f"{network}.{rank + 1}" for rank in range(2)}
    nodes = [pods.start(rank, hosts) for rank in range(2)]
    assert [pods.wait(node) for node in nodes] == [0, 0], [pods.errors(rank) for rank in range(2)]
    seen = [json.loads(pods.output(rank)) for rank in range(2)]
    assert [each["greeting"] for each in seen] == ["hello from 1", "sent"]
    assert [(each["index"], each["rank"]) for each in seen] == [(0, "0"), (1, "1")]
    assert seen[0]["workers"] == seen[1]["workers"] == [f"{name}:29500" for name in hosts]
    assert [file.name for file in (pods.volume("nas-results") / "iris/model").iterdir()] == ["from-0"]


def test_a_pod_that_is_told_to_end_keeps_its_checkpoints(run: Callable[[Record], TrainingPods]) -> None:
    pods = run(samples.training(checkPointUploadUri="nas://results:/iris/checkpoint"))
    pods.file("nas-data/iris/source/train.py", LONG)
    pods.volume("nas-results")
    process = pods.start(0)
    until(lambda: "begun" in pods.output(0), "the entry point to begin")
    pods.terminate(0)
    assert pods.wait(process) == 86, pods.errors(0)
    assert (pods.volume("nas-results") / "iris/checkpoint/step-1").read_text() == "weights"
    assert pods.errors(0).splitlines()[-1] == "The training was stopped on request."


def test_inputs_that_are_only_read_cannot_be_changed(run: Callable[[Record], TrainingPods]) -> None:
    pods = run(samples.training())
    pods.file("nas-data/iris/source/train.py", "open('/easymaker/nas/data/iris/spoiled', 'w')")
    pods.volume("nas-results")
    assert pods.wait(pods.start(0)) == 83
    assert re.search("Read-only file system", pods.errors(0))
