"""The main job, for real: the official SDK against an installation that the demo starts and takes down itself."""

import json
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker import catalogue
from adapters.easymaker.cli import demo

DEMO_SECONDS = 800
pytestmark = pytest.mark.timeout(900)
OWN_STEPS = ["Start the platform", "Install the SDK"]


@pytest.mark.slow
def test_demo_runs_to_its_end(cli: Any) -> None:
    """Every step succeeds, all of the script's steps are shown, and nothing is left."""
    done = cli.run("demo", "-o", "json", timeout=DEMO_SECONDS)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["ok"] is True
    assert all(step["good"] for step in shown["steps"])
    titles = [step["title"] for step in shown["steps"]]
    assert titles[:2] == OWN_STEPS
    assert titles[-1] == "Take everything down"
    assert {
        "Train",
        "Tune its hyperparameters",
        "Predict (V1)",
        "Predict (V2)",
        "Stop a long training",
        "Delete everything",
    } <= set(titles)
    cli.assert_nothing_runs()


@pytest.mark.slow
def test_failing_step_is_named_and_nothing_is_left(cli: Any, tmp_path: Path) -> None:
    """The flavor that the script wants is not in the operator's catalogue."""
    shipped = Path(catalogue.__file__).with_name("catalogue.yaml").read_text()
    path = tmp_path / "catalogue.yaml"
    path.write_text(shipped.replace("name: m2.c2m4", "name: m2.other"))
    cli.more["EASYMAKER_CATALOGUE"] = str(path)
    done = cli.run("demo", timeout=DEMO_SECONDS)
    assert done.returncode == 1
    assert 'failed at "List flavors, images, algorithms"' in done.stderr.splitlines()[-1]
    assert "m2.c2m4" in done.stderr.splitlines()[-1]
    assert "Create an experiment" not in done.stdout
    cli.assert_nothing_runs()


@pytest.mark.slow
def test_interrupted_demo_deletes_what_it_made(running_cli: Any) -> None:
    """Ctrl-C in the middle, on an installation that was up before: that stays up, and nothing of the demo stays."""
    process = running_cli.spawn("demo")
    assert process.stdout is not None
    assert any("Create an experiment" in line for line in process.stdout)
    running_cli.end(process, signal.SIGINT)
    assert process.returncode == 130
    shown = running_cli.json("status")
    assert shown["running"] is True
    assert {entry["kind"]: entry["total"] for entry in shown["resources"] if entry["total"]} == {}
    assert not any("life_cycle.py" in command for command in running_cli.processes().values())


def test_start_that_fails_is_the_failing_step(cli: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", cli.ports[1]))
        taken.listen()
        done = cli.run("demo", timeout=DEMO_SECONDS)
    assert done.returncode == 1
    assert 'failed at "Start the platform"' in done.stderr
    assert "EASYMAKER_GATEWAY_PORT" in done.stderr
    cli.assert_nothing_runs()


def test_demo_trains_and_loads_with_the_same_versions() -> None:
    """A model is unpickled with the libraries that pickled it: both come from the catalogue."""
    entries = catalogue.load(None)
    spec = demo.environment_spec(entries)
    assert spec.requirements[0] == "easymaker==2.1.5"
    assert set(spec.requirements[1:]) < set(entries.images_by_name[demo.IMAGE].requirements)
    assert any(line.startswith("scikit-learn==") for line in spec.requirements)


def test_script_is_what_a_user_could_have_written() -> None:
    """It imports the SDK and public libraries, nothing of this project, and patches nothing."""
    text = demo.SCRIPT.read_text()
    assert "adapters" not in text
    assert "setattr" not in text
    assert "easymaker_config" not in text
