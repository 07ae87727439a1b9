"""Logs through the API: followed while they grow, read piece by piece, also when they are not text."""

import json
import signal
from typing import Any

from tests.conftest import PATIENCE

SLOW = """
import os, sys, time
print("first line", flush=True)
while not os.path.exists(sys.argv[sys.argv.index("--go") + 1]):
    time.sleep(0.05)
sys.stdout.buffer.write(b"\\xff\\xfe\\x00binary\\n")
print("last line", flush=True)
"""


def start(installation: Any, name: str, program: str, **changes: Any) -> str:
    api = installation.api()
    (installation.nas(name) / "source").mkdir()
    (installation.nas(name) / "source" / "main.py").write_text(program)
    body = api.training_body(
        api.experiment(name), sourceDirUri=f"nas://{name}:/source", modelUploadUri=f"nas://{name}:/model", **changes
    )
    return api.create("trainings", "training", body)["trainingId"]


def test_a_followed_log_comes_as_it_is_written_and_ends_with_the_training(installation: Any) -> None:
    api = installation.api()
    go = installation.nas("follow") / "go"
    hyperparameters = [{"parameterName": "go", "parameterValue": str(go)}]
    training = start(installation, "follow", SLOW, hyperparameterList=hyperparameters)
    api.wait("trainings", "training", training, {"RUNNING"})
    seen = b""
    with api.client.stream("GET", f"/trainings/{training}/logs?follow=true", timeout=PATIENCE) as answer:
        assert answer.headers["content-type"].startswith("text/plain")
        for piece in answer.iter_raw():
            seen += piece
            if b"first line" in seen and not go.exists():
                assert b"last line" not in seen, "the line came while the training was running"
                go.touch()
    assert b"\xff\xfe\x00binary\n" in seen, "the followed log is the bytes that were written"
    assert b"last line" in seen
    assert api.get("trainings", "training", training)["trainingStatusCode"] in ("COMPLETE", "COMPLETE_IN_PROGRESS")

    pieces, offset = [], 0
    while True:
        log = api.ok("GET", f"/trainings/{training}/logs?offset={offset}")["log"]
        pieces.append(log["content"])
        if log["nextOffset"] == offset:
            break
        offset = log["nextOffset"]
    assert offset == len(seen)
    assert "last line" in "".join(pieces)
    assert "offset" in api.refused("GET", f"/trainings/{training}/logs?offset=-1", 400)


def test_a_stopped_training_says_so_and_keeps_its_log(installation: Any) -> None:
    api = installation.api()
    training = start(installation, "ended_by_hand", "import time\nprint('working', flush=True)\ntime.sleep(3600)\n")
    api.wait("trainings", "training", training, {"RUNNING"})
    assert "stop it first" in api.refused("DELETE", f"/trainings/{training}", 409)
    assert api.ok("PUT", f"/trainings/{training}/stop")["training"]["trainingStatusCode"] == "STOP_IN_PROGRESS"
    stopped = api.wait("trainings", "training", training, {"STOPPED"})
    assert stopped["trainingStatusReason"] == "stopped on request"
    status = json.loads((installation.home / "jobs" / training / "node-0" / "status.json").read_text())
    assert status["entry_point_exit_code"] == -signal.SIGTERM, "it heeds SIGTERM, and need not be killed"
    assert "working" in api.ok("GET", f"/trainings/{training}/logs")["log"]["content"]
    api.ok("PUT", f"/trainings/{training}/stop")
    api.ok("DELETE", f"/trainings/{training}")
    api.gone("trainings", training)
    events = api.ok("GET", f"/trainings/{training}/events")["eventList"]
    assert events[-1]["reason"] == "deleted", "events outlive the resource"
