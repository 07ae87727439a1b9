"""The model server's arguments and environment, and its requirements."""

from pathlib import Path

import pytest
import yaml

import adapters.easymaker.catalogue as catalogue
from kserve_runtimes.models.mlserver_command import ServerSpec, requirements, screaming_snake, server_command


def spec(**parameters: str) -> ServerSpec:
    return ServerSpec(Path("/env/bin/python"), "iris", Path("/models/iris"), 8123, parameters=parameters)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("predict_fn", "PREDICT_FN"),
        ("predictFn", "PREDICT_FN"),
        ("model-id", "MODEL_ID"),
        ("maxBatch.size", "MAX_BATCH_SIZE"),
        ("HTTPPort", "HTTP_PORT"),
        ("--x--", "X"),
        ("모델", ""),
    ],
)
def test_parameters_become_screaming_snake(name: str, variable: str) -> None:
    assert screaming_snake(name) == variable


def test_parameters_are_arguments_as_entered_and_variables() -> None:
    command = server_command(spec(predictFn="predict_proba"))
    assert command.argv[-2:] == ("--predictFn", "predict_proba")
    assert command.env["PREDICT_FN"] == "predict_proba"


def test_a_parameter_cannot_replace_what_the_server_is_started_with() -> None:
    hostile = {"mlserver_host": "0.0.0.0", "path": "/tmp", "LD_PRELOAD": "/tmp/x.so", "pythonpath": "/tmp"}
    assert server_command(spec(**hostile)).env == {**server_command(spec()).env}


def test_the_server_listens_on_loopback_without_grpc_port_metrics_or_debug() -> None:
    env = server_command(spec()).env
    assert env["MLSERVER_HOST"] == "127.0.0.1"
    assert env["MLSERVER_PARALLEL_WORKERS"] == "0"
    assert env["MLSERVER_DEBUG"] == "false"
    assert env["MLSERVER_METRICS_ENDPOINT"] == ""


def test_scikit_learn_is_the_one_that_trainings_use() -> None:
    """A pickle of another version may not load, or load and predict something else."""
    document = yaml.safe_load((Path(catalogue.__file__).parent / "catalogue.yaml").read_text())
    images = next(value for key, value in document.items() if key == "images")
    training = {line for image in images for line in image.get("requirements", []) if line.startswith("scikit-learn")}
    assert training == {line for line in requirements() if line.startswith("scikit-learn")}
