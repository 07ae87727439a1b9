"""Starts, crashes and ends: what dies comes back, and an end leaves nothing behind."""

import json
import os
import signal
from typing import Any

import psutil
import pytest
import requests

from tests.conftest import PATIENCE


def up_in_foreground(cli: Any) -> Any:
    """`up` as a person runs it, once everything answers."""
    process = cli.spawn("up", "-o", "json")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate(timeout=PATIENCE)[1]
    assert json.loads(line)["running"] is True
    return process


def test_killed_adapter_comes_back_and_ctrl_c_leaves_nothing(cli: Any) -> None:
    """kill -9 of the adapter under a foreground `up`, then Ctrl-C: recovered, and then all of the home is gone."""
    process = up_in_foreground(cli)
    try:
        first = cli.recorded_pid("adapter")
        os.kill(first, signal.SIGKILL)
        cli.wait_for(lambda: cli.recorded_pid("adapter") != first, "another adapter")
        cli.wait_for(lambda: cli.state("gateway") == "RUNNING", "the platform is whole again")
        second = cli.recorded_pid("adapter")
    finally:
        _, said = cli.end(process, signal.SIGINT)
    assert process.returncode == 0, said
    assert not lives(second)
    cli.assert_nothing_runs()
    assert cli.json("down") == {"home": str(cli.home), "ended": []}


def test_interrupted_start_leaves_nothing(cli: Any) -> None:
    """Ctrl-C while the parts are only just starting."""
    process = cli.spawn("up")
    cli.wait_for((cli.home / "run" / "adapter.json").exists, "the adapter's start")
    cli.end(process, signal.SIGINT)
    assert process.returncode == 130
    cli.assert_nothing_runs()


def test_down_works_after_everything_that_watches_was_killed(cli: Any) -> None:
    """kill -9 of supervisor and adapter: servers and PostgreSQL go on, `down` finds and ends them, and says so."""
    assert cli.run("up", "--detach").returncode == 0
    for name in ("supervisor", "adapter"):
        os.kill(cli.recorded_pid(name), signal.SIGKILL)
    cli.wait_for(lambda: cli.state("API") == "DOWN", "the adapter's end")
    assert cli.state("PostgreSQL") == "RUNNING"
    assert len(cli.processes()) > 5
    ended = cli.json("down")["ended"]
    assert "gateway" in ended
    assert any(name.startswith("object-storage") for name in ended)
    assert any(name.startswith("PostgreSQL") for name in ended)
    cli.assert_nothing_runs()


def test_up_takes_over_what_a_killed_supervisor_left(cli: Any) -> None:
    """An adapter without a supervisor is replaced; gateway and PostgreSQL are found again, not started twice."""
    assert cli.run("up", "--detach").returncode == 0
    postgres = postgres_pid(cli)
    adapter = cli.recorded_pid("adapter")
    os.kill(cli.recorded_pid("supervisor"), signal.SIGKILL)
    again = cli.run("up", "--detach")
    assert again.returncode == 0, again.stderr
    assert not lives(adapter)
    assert postgres_pid(cli) == postgres
    assert sum("envoy -c" in command for command in cli.processes().values()) == 1


def test_down_leaves_a_stranger_with_a_recorded_pid_alone(cli: Any) -> None:
    """A record whose pid meanwhile belongs to another program ends nobody."""
    with psutil.Popen(["sleep", "60"]) as stranger:
        record = {"pid": stranger.pid, "start_time": 1, "boot_id": "another"}
        (cli.home / "run").mkdir(parents=True)
        (cli.home / "run" / "adapter.json").write_text(json.dumps(record))
        (cli.home / "postgres").mkdir()
        lines = [str(stranger.pid), str(cli.home / "postgres"), "1", "5432", "", "", "1 1", "ready"]
        (cli.home / "postgres" / "postmaster.pid").write_text("\n".join(lines))
        assert cli.json("down")["ended"] == []
        assert stranger.is_running()
        stranger.kill()


def test_stopped_installation_says_so(cli: Any) -> None:
    """Every command that needs it running or started names the command that does so."""
    for command in (("env",), ("logs",), ("logs", "training", "1")):
        done = cli.run(*command)
        assert (done.returncode, done.stdout) == (1, "")
        assert "kubeflow-easymaker up" in done.stderr
    shown = cli.run("status", "-o", "json")
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["running"] is False
    assert cli.run("down").returncode == 0
    assert not cli.home.exists()


@pytest.mark.slow
def test_interrupted_training_starts_again(cli: Any) -> None:
    """What runs at `down` is marked and begins anew at the next `up`; what had ended is left as it is."""
    assert cli.run("up", "--detach").returncode == 0
    variables = cli.json("env")
    base = f"{variables['EM_API_URL']}/v1.0/appkeys/local"
    headers = {"X-EasyMaker-Token": variables["EM_TOKEN"]}

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{base}/{path}", json=body, headers=headers, timeout=PATIENCE).json()
        assert answer["header"]["isSuccessful"], answer
        return answer

    source = cli.home / "nas" / "local" / "source"
    source.mkdir(parents=True)
    (source / "train.py").write_text(
        "import os, time\n"
        "flag = os.path.join(os.environ['EM_SOURCE_DIR'], 'quick')\n"
        "print('began', flush=True)\n"
        "time.sleep(0 if os.path.exists(flag) else 900)\n"
        "open(os.path.join(os.environ['EM_MODEL_DIR'], 'done'), 'w').write('x')\n"
    )
    images = {image["imageName"]: image["imageId"] for image in call("GET", "images")["imageList"]}
    flavors = {flavor["name"]: flavor["id"] for flavor in call("GET", "flavors")["flavorList"]}
    experiment = call("POST", "experiments", {"experimentName": "interrupted"})["experiment"]["experimentId"]
    body = {
        "trainingName": "long",
        "experimentId": experiment,
        "imageId": images["Ubuntu 22.04 CPU Python Training"],
        "flavorId": flavors["m2.c1m2"],
        "sourceDirUri": "nas://source:/",
        "entryPoint": "train.py",
        "modelUploadUri": "nas://source:/model",
        "instanceCount": 1,
        "timeoutMinutes": 60,
    }
    training = call("POST", "trainings", body)["training"]["trainingId"]

    def status() -> str:
        return call("GET", f"trainings/{training}")["training"]["trainingStatusCode"]

    cli.wait_for(lambda: status() == "RUNNING", "the training runs")
    assert any(name.startswith(f"training-{training}") for name in cli.json("down")["ended"])
    cli.assert_nothing_runs()
    (source / "quick").touch()
    assert cli.run("up", "--detach").returncode == 0
    cli.wait_for(lambda: status() == "COMPLETE", "the training ran again")


def lives(pid: int) -> bool:
    """A zombie whose parent has not looked yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def postgres_pid(cli: Any) -> int:
    return int((cli.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
