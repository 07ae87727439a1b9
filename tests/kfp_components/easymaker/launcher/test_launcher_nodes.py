"""Trainings on several nodes and with torchrun, as several real launchers on loopback addresses."""

import json
import signal
from pathlib import Path

import pytest

from tests.kfp_components.easymaker.launcher.conftest import Ended, Training, cached_environment, is_alive, wait_until
from tests.ports import free_ports

# Worker 0 listens on its own address, the others greet it there.
GREET = """
import json, os, socket
config = json.loads(os.environ["TF_CONFIG"])
index, workers = config["task"]["index"], config["cluster"]["worker"]
host, port = workers[0].rsplit(":", 1)
assert (host, port) == (os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"])
if index == 0:
    with socket.create_server((host, int(port))) as server:
        greeting = server.accept()[0].makefile().readline()
else:
    import time
    while True:
        try:
            with socket.create_connection((host, int(port))) as chief:
                chief.sendall(b"hello from %d" % index)
            greeting = "sent"
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
for kind in ("MODEL", "CHECKPOINT"):
    open(os.environ[f"EM_{kind}_DIR"] + f"/from-{index}", "w").write(greeting)
print(json.dumps([config, os.environ["RANK"], os.environ["WORLD_SIZE"], greeting]))
"""

ALL_REDUCE = """
import os, torch, torch.distributed as dist
dist.init_process_group("gloo")
total = torch.tensor([dist.get_rank() + 1.0])
dist.all_reduce(total)
if dist.get_rank() == 0:
    torch.save(total, os.environ["EM_MODEL_DIR"] + "/total.pt")
print(f"rank={dist.get_rank()} world={dist.get_world_size()} total={total.item():g}\\n", end="", flush=True)
dist.destroy_process_group()
"""

DEAF_WORKERS = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(f"worker {os.getpid()}\\n", end="", flush=True)
while True:
    time.sleep(60)
"""


def run_nodes(training: Training, count: int, **changes: object) -> list[Ended]:
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(count))
    specs = [
        training.spec(
            instance_count=count,
            node_rank=rank,
            node_addresses=addresses,
            work_dir=training.root / f"work-{rank}",
            status_path=training.root / f"status-{rank}.json",
            **changes,
        )
        for rank in range(count)
    ]
    launchers = [training.start(spec) for spec in specs]
    return [training.wait(launcher, spec) for launcher, spec in zip(launchers, specs, strict=True)]


def test_two_nodes_find_each_other_and_only_the_first_uploads_the_model(training: Training) -> None:
    training.source(GREET)
    nodes = run_nodes(training, 2, checkpoint_upload_uri="nas://vol:/out/checkpoint")
    assert [node.exit_code for node in nodes] == [0, 0], [node.stderr for node in nodes]
    seen = [json.loads(node.stdout) for node in nodes]
    assert [config["task"] for config, *_ in seen] == [{"type": "worker", "index": rank} for rank in (0, 1)]
    assert seen[0][0]["cluster"] == seen[1][0]["cluster"]
    assert [rest for _, *rest in seen] == [["0", "2", "hello from 1"], ["1", "2", "sent"]]
    assert [path.name for path in training.model.iterdir()] == ["from-0"]
    checkpoints = {path.name for path in (training.nas / "out" / "checkpoint").iterdir()}
    assert checkpoints == {"from-0", "from-1"}, "a sharded checkpoint has a part on every node"


@pytest.fixture(scope="session")
def torch_python() -> Path:
    return cached_environment("torch", "torch==2.13.0+cpu", "numpy")


# The default run has it with the whole of a platform, and here over two nodes.
@pytest.mark.exhaustive
def test_torchrun_with_two_processes_adds_up(training: Training, torch_python: Path) -> None:
    training.source(ALL_REDUCE)
    ended = training.run(python=torch_python, use_torchrun=True, nproc_per_node=2)
    assert ended.exit_code == 0, ended.stderr
    assert sorted(ended.stdout.decode().splitlines()) == ["rank=0 world=2 total=3", "rank=1 world=2 total=3"]
    assert (training.model / "total.pt").exists()


@pytest.mark.slow
def test_torchrun_over_two_nodes_adds_up(training: Training, torch_python: Path) -> None:
    training.source(ALL_REDUCE)
    nodes = run_nodes(training, 2, python=torch_python, use_torchrun=True, nproc_per_node=2)
    assert [node.exit_code for node in nodes] == [0, 0], [node.stderr for node in nodes]
    lines = sorted(line for node in nodes for line in node.stdout.decode().splitlines())
    assert lines == [f"rank={rank} world=4 total=10" for rank in range(4)]


@pytest.mark.slow
def test_a_worker_killed_by_the_system_fails_the_training_in_the_guides_words(
    training: Training, torch_python: Path
) -> None:
    training.source("import os; os.kill(os.getpid(), 9)")
    ended = training.run(python=torch_python, use_torchrun=True, nproc_per_node=2)
    assert ended.exit_code == 83
    assert "-9 (pid: " in ended.stderr


@pytest.mark.slow
def test_no_worker_of_torchrun_survives_a_stop(training: Training, torch_python: Path) -> None:
    training.source(DEAF_WORKERS)
    spec = training.spec(python=torch_python, use_torchrun=True, nproc_per_node=2, stop_grace_seconds=0.5)
    launcher = training.start(spec)
    wait_until(lambda: training.output().count("\n") == 2, "both workers to be ready")
    launcher.send_signal(signal.SIGTERM)
    assert training.wait(launcher, spec).exit_code == 86
    for line in training.output().splitlines():
        assert not is_alive(int(line.split()[1])), "torchrun starts each worker in a session of its own"
