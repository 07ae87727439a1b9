"""The MLServer container's command with its variables, as a process on a read-only file system that sees a model at
/mnt/models, like the container that KServe makes.
"""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

import kserve_runtimes
from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.settings import Settings
from kserve_runtimes.models.mlserver_command import EXIT_MODEL_NOT_LOADED, requirements
from tests.conftest import PATIENCE, free_ports

NAME = "my 모델"
TRAIN = """
import sys, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
x, y = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=500).fit(x, y), sys.argv[1])
"""

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="no bubblewrap to show a model at /mnt/models")


@pytest.fixture(scope="module")
def python() -> Path:
    package = Path(kserve_runtimes.__file__).parent
    return Environments(Settings().cache_dir).ensure(EnvironmentSpec("mlserver", requirements(), overlays=(package,)))


def container() -> dict[str, Any]:
    text = resources.files("kserve_runtimes.serving_runtimes").joinpath("mlserver.yaml").read_text("utf-8")
    (found,) = yaml.safe_load(text)["spec"]["containers"]
    return found


def start(python: Path, model: Path, port: int, *arguments: str) -> subprocess.Popen[bytes]:
    """``arguments`` and the model's name are what an InferenceService adds."""
    spec = container()
    environ = {each["name"]: each["value"] for each in spec["env"]}
    environ |= {"MLSERVER_MODEL_NAME": NAME, "MLSERVER_HTTP_PORT": str(port), "MLSERVER_HOST": "127.0.0.1"}
    environ |= {"PATH": f"{python.parent}:/usr/bin:/bin"}
    view = ["--ro-bind", "/", "/", "--tmpfs", "/mnt", "--ro-bind", model, "/mnt/models", "--dev", "/dev"]
    # Environments may lie below the /tmp that is replaced.
    view += ["--tmpfs", "/tmp", "--ro-bind", python.parents[1], python.parents[1], "--die-with-parent"]
    command = ["bwrap", *view, "--clearenv", *(part for each in environ.items() for part in ("--setenv", *each))]
    command += ["--chdir", spec["workingDir"], *spec["command"], *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def iris(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("iris")
    subprocess.run([python, "-c", TRAIN, directory / "model.joblib"], check=True)
    return directory


@pytest.fixture(scope="module")
def port(python: Path, iris: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    process = start(python, iris, port, "--output", "predict_proba")
    try:
        deadline = time.monotonic() + PATIENCE
        while status(port, container()["readinessProbe"]["httpGet"]["path"]) != 200:
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            assert time.monotonic() < deadline, "not ready"
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def ask(port: int, path: str, body: Any) -> Any:
    url = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def test_it_answers_v1_and_v2_to_the_models_name(port: int) -> None:
    row = [5.1, 3.5, 1.4, 0.2]
    (probabilities,) = ask(port, f"/v1/models/{quote(NAME)}:predict", {"instances": [row]})["predictions"]
    assert probabilities[0] > 0.9, "the argument chose the output"
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": row}
    assert ask(port, f"/v2/models/{quote(NAME)}/infer", {"inputs": [tensor]})["outputs"][0]["shape"] == [1, 3]


def test_its_probes_are_answered(port: int) -> None:
    spec = container()
    paths = [spec[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert [status(port, path) for path in paths] == [200, 200, 200]


def test_a_model_that_cannot_be_loaded_ends_it_with_the_reason_last(python: Path, tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"not a pickle")
    process = start(python, tmp_path, free_ports(1)[0])
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == EXIT_MODEL_NOT_LOADED
    assert "cannot be read as a scikit-learn model" in errors.decode().strip().splitlines()[-1]
