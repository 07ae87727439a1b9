"""Distributed trainings through the API: several nodes on one machine, and torchrun with several processes."""

import json
from typing import Any

import pytest

NODE = """
import json, os
config = json.loads(os.environ["TF_CONFIG"])
name = f"{config['task']['type']}-{config['task']['index']}.json"
with open(os.path.join(os.environ["EM_CHECKPOINT_DIR"], name), "w") as file:
    json.dump(config, file)
open(os.path.join(os.environ["EM_MODEL_DIR"], "model.txt"), "w").write(name)
"""

TORCH = """
import os, torch, torch.distributed as dist
dist.init_process_group("gloo")
value = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(value)
if dist.get_rank() == 0:
    open(os.path.join(os.environ["EM_MODEL_DIR"], "sum.txt"), "w").write(str(int(value.item())))
dist.destroy_process_group()
"""


def run(installation: Any, name: str, program: str, **changes: Any) -> dict[str, Any]:
    api = installation.api()
    (installation.nas(name) / "source").mkdir()
    (installation.nas(name) / "source" / "main.py").write_text(program)
    body = api.training_body(
        api.experiment(name),
        trainingName=name,
        sourceDirUri=f"nas://{name}:/source",
        modelUploadUri=f"nas://{name}:/model",
        checkPointUploadUri=f"nas://{name}:/checkpoints",
        **changes,
    )
    training = api.create("trainings", "training", body)["trainingId"]
    done = api.wait("trainings", "training", training)
    assert done["trainingStatusCode"] == "COMPLETE", done["trainingStatusReason"]
    return done


def test_three_nodes_get_one_cluster_and_the_first_ones_model_is_kept(installation: Any) -> None:
    run(installation, "nodes", NODE, instanceCount=3)
    folder = installation.nas("nodes")
    configs = [json.loads(path.read_text()) for path in sorted((folder / "checkpoints").glob("*.json"))]
    assert len(configs) == 3
    assert len({json.dumps(config["cluster"]) for config in configs}) == 1
    assert len(configs[0]["cluster"]["worker"]) == 3
    assert sorted(config["task"]["index"] for config in configs) == [0, 1, 2]
    assert (folder / "model" / "model.txt").read_text() == "worker-0.json"


@pytest.mark.slow
def test_torchrun_runs_two_processes_that_find_each_other(installation: Any) -> None:
    flavor = installation.api().flavor("m2.c2m4")
    image = installation.api().image("Ubuntu 22.04 CPU PyTorch Training")
    run(installation, "torchrun", TORCH, useTorchrun=True, nprocPerNode=2, imageId=image, flavorId=flavor)
    assert (installation.nas("torchrun") / "model" / "sum.txt").read_text() == "3"
