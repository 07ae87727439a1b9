"""The whole way as a user goes it: requests, the local CA, Envoy, the real MLServer with a real model."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import kserve_runtimes
from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.engines.local.processes import Phase, ProcessSpec
from adapters.easymaker.settings import Settings
from kserve_runtimes.models.mlserver_command import ServerSpec, requirements, server_command
from kserve_runtimes.oip.routes import ENDPOINT_API
from tests.conftest import PATIENCE
from tests.ports import free_ports

MODEL = "iris 모델"
ROWS = [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]
V1 = {"instances": ROWS}
V2 = {"inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP64", "data": [*ROWS[0], *ROWS[1]]}]}
TRAIN = """
import joblib, sys
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
joblib.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), sys.argv[1])
"""


@pytest.fixture(scope="module")
def python() -> Path:
    package = Path(kserve_runtimes.__file__).parent
    spec = EnvironmentSpec("mlserver", requirements(), overlays=(package,))
    return Environments(Settings().cache_dir).ensure(spec)


@pytest.fixture(scope="module")
def artifact(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("iris")
    subprocess.run([python, "-c", TRAIN, folder / "model.joblib"], check=True)
    return folder


@pytest.fixture
def stage(running: Any, make: Any, python: Path, artifact: Path, tmp_path: Path) -> Iterator[Any]:
    """Two pods: one of each of two resources, published with a path of their own; the default stage."""
    ports = free_ports(2)
    for port in ports:
        command = server_command(ServerSpec(python, MODEL, artifact, port))
        running.runner.start(f"pod-{port}", ProcessSpec(command.argv, command.env, tmp_path))
    try:
        for port in ports:
            make.wait_for(lambda port=port: _ready(port), "MLServer is ready")
        routes = make.stage(
            *(type(make.resource("x"))(f"r{at}", MODEL, "/inference", (port,)) for at, port in enumerate(ports)),
            default=True,
        )
        running.gateway.publish(routes)
        yield routes
    finally:
        for port in ports:
            make.wait_for(lambda port=port: running.runner.remove(f"pod-{port}"), "the pod is gone")


def _ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=PATIENCE).status_code == 200
    except requests.ConnectionError:
        return False


def test_every_row_that_scikit_learn_serves(running: Any, stage: Any) -> None:
    session = running.session()
    expected = {
        "Description": 501,
        "Completion": 404,
        "Chat completion": 404,
    }
    for row in ENDPOINT_API:
        path = row.public.replace("{model_name}", MODEL).replace("{model_version}", "1")
        body = None if row.method == "GET" else (V2 if row.protocol == "v2" else V1)
        answer = session.request(row.method, running.url("/e1/stages/blue" + path), json=body)
        assert answer.status_code == expected.get(row.name, 200), (row, answer.text)


def test_the_guides_example_and_the_sdks_paths(running: Any, stage: Any) -> None:
    session = running.session()
    base = "/e1/default"
    for path in (f"/v1/models/{MODEL}/predict", f"/{MODEL}/v1/models/{MODEL}/predict", "/inference"):
        assert session.post(running.url(base + path), json=V1).json() == {"predictions": [1, 1]}
    for path in (f"/v2/models/{MODEL}/infer", "/inference"):
        assert session.post(running.url(base + path), json=V2).json()["outputs"][0]["data"] == [1, 1]
    assert session.get(running.url(f"{base}/{MODEL}/v1/models")).json() == {"models": [MODEL]}
    assert running.gateway.probe(stage, MODEL)


def test_an_environment_variable_is_all_that_requests_needs(
    running: Any, stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK posts with a fresh requests.post and no settings of its own."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.gateway.ca_file))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    url = running.url(f"/e1/default/v1/models/{MODEL}/predict")
    assert requests.post(url, json=V1, timeout=PATIENCE).json() == {"predictions": [1, 1]}


def test_wrong_input_is_400_through_the_gateway_and_counted(running: Any, stage: Any) -> None:
    url = running.url("/e1/default/inference")
    session = running.session()
    for body in ({"instances": [[1]]}, {"instances": "x"}, {}, {"inputs": [{}]}):
        answer = session.post(url, json=body)
        assert (answer.status_code, list(answer.json())) == (400, ["error"])
        assert "server" not in answer.headers
    counts = running.gateway.statistics(["r0", "r1"])
    assert counts["r0"].status_4xx + counts["r1"].status_4xx == 4


def test_a_killed_model_server_is_not_felt_beside_another(running: Any, stage: Any, make: Any) -> None:
    session, url = running.session(), running.url("/e1/default/inference")
    assert session.post(url, json=V1).status_code == 200
    name = f"pod-{stage.resources[0].ports[0]}"
    os.kill(running.runner.observe(name).pid, signal.SIGKILL)
    make.wait_for(lambda: running.runner.observe(name).phase in (Phase.EXITED, Phase.LOST), "the kill is seen")
    assert {session.post(url, json=V1).status_code for _ in range(100)} == {200}
