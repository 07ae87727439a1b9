"""A real MLServer in its own environment, and real models fitted there."""

import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import kserve_runtimes
from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.settings import Settings
from kserve_runtimes.models.mlserver_command import ServerSpec, requirements, server_command
from tests.conftest import PATIENCE
from tests.ports import free_port

TRAIN = """
import sys, joblib, pandas
from pathlib import Path
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

root = Path(sys.argv[1])
x, y = load_iris(return_X_y=True)

def save(folder, name, model):
    (root / folder).mkdir(parents=True, exist_ok=True)
    joblib.dump(model, root / folder / name)

save("iris", "model.joblib", LogisticRegression(max_iter=500).fit(x, y))
save("regression", "any-name.pkl", LinearRegression().fit(x[:, :2], x[:, 2:]))
frame = pandas.DataFrame({"age": [20, 30, 40, 50], "city": ["a", "b", "a", "b"]})
columns = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["age"]))
save("named", "model.joblib", make_pipeline(columns, LogisticRegression()).fit(frame, ["no", "no", "yes", "yes"]))
texts = ["good film", "bad film", "good day", "bad day"]
save("text", "model.joblib", make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, [1, 0, 1, 0]))
save("several", "a.joblib", 1)
save("several", "b.pkl", 1)
save("dictionary", "model.joblib", {"weights": [1, 2]})
(root / "none").mkdir()
(root / "none" / "weights.h5").write_bytes(b"x")
(root / "broken").mkdir()
(root / "broken" / "model.joblib").write_bytes(b"not a pickle")
(root / "foreign").mkdir()
(root / "foreign" / "model.pkl").write_bytes(b"cno_such_module\\nThing\\n.")
"""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


@dataclass(frozen=True)
class Server:
    """A running model server."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, path: str, body: Any = None, raw: bytes | None = None, headers: Mapping[str, str] = {}) -> Answer:
        """POST when there is a body, else GET; ``{m}`` in the path is the model's name."""
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        url = f"http://127.0.0.1:{self.port}{path.replace('{m}', quote(self.name))}"
        request = urllib.request.Request(url, data, {"content-type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return Answer(answer.status, _parsed(answer.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _parsed(error.read()))


def _parsed(body: bytes) -> Any:
    return json.loads(body) if body else None


@pytest.fixture(scope="session")
def mlserver_python() -> Path:
    environments = Environments(Settings().cache_dir)
    package = Path(kserve_runtimes.__file__).parent
    return environments.ensure(EnvironmentSpec("mlserver", requirements(), overlays=(package,)))


@pytest.fixture(scope="session")
def models(mlserver_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    subprocess.run([mlserver_python, "-c", TRAIN, root], check=True)
    return root


@pytest.fixture(scope="session")
def launch(
    mlserver_python: Path, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Starts the server of a model; all are ended at the end."""
    with contextlib.ExitStack() as stack:

        def launch(folder: str, name: str = "iris", parameters: Mapping[str, str] = {}) -> Server:
            spec = ServerSpec(mlserver_python, name, models / folder, free_port(), parameters=parameters)
            command, cwd = server_command(spec), tmp_path_factory.mktemp(folder)
            log = cwd / "log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command.argv, env=command.env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
            stack.callback(_end, process)
            return Server(name, spec.http_port, process, log)

        yield launch


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(PATIENCE)


@pytest.fixture(scope="session")
def serve(launch: Callable[..., Server]) -> Callable[..., Server]:
    """The same, and waits until the model is ready."""

    def serve(folder: str, name: str = "iris", parameters: Mapping[str, str] = {}) -> Server:
        server = launch(folder, name, parameters)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert server.process.poll() is None, server.log.read_text()
            with contextlib.suppress(OSError):
                if server.ask("/v2/models/{m}/ready").status == 200:
                    return server
            time.sleep(0.05)
        raise AssertionError(server.log.read_text())

    return serve


@pytest.fixture(scope="session")
def iris(serve: Callable[..., Server]) -> Server:
    return serve("iris", "iris 모델")


@pytest.fixture(scope="session")
def named(serve: Callable[..., Server]) -> Server:
    return serve("named", "named")
