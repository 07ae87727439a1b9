"""TensorBoard on demand: one process per experiment, behind a path that only its address gives away."""

import http.client
import json
import secrets
from pathlib import Path

from adapters.easymaker.engines.local.background import Background
from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.engines.local.home import LocalHome, write_secret
from adapters.easymaker.engines.local.ports import free_port
from adapters.easymaker.engines.local.processes import Phase, ProcessRunner, ProcessSpec
from adapters.easymaker.kinds.record import Json

ENVIRONMENT = EnvironmentSpec("tensorboard", ("tensorboard==2.20.0", "setuptools<81"))
BUILD = "environment:tensorboard"


class TensorBoards:
    """``open`` returns at once: a first call may find TensorBoard being installed or starting."""

    def __init__(
        self, home: LocalHome, runner: ProcessRunner, environments: Environments, background: Background
    ) -> None:
        self._home = home
        self._runner = runner
        self._environments = environments
        self._background = background

    def open(self, experiment_id: str) -> Json:
        """``{"status": "STARTING" | "RUNNING", "uri": …}``; the uri works once the status is RUNNING."""
        python = self._environments.python(ENVIRONMENT)
        if python is None:
            if not self._background.working(BUILD):
                self._background.ensure(BUILD, lambda: self._environments.ensure(ENVIRONMENT))
            return {"status": "STARTING", "uri": None}
        place = self._place(experiment_id)
        name = _name(experiment_id)
        state = self._runner.observe(name)
        if state.phase is Phase.MISSING:
            self._runner.start(name, self._process(python, experiment_id, place))
        elif state.over:
            self._runner.restart(name, self._process(python, experiment_id, place))
        uri = f"http://127.0.0.1:{place['port']}/{place['secret']}/"
        return {"status": "RUNNING" if _answers(place) else "STARTING", "uri": uri}

    def remove(self, experiment_id: str) -> bool:
        if not self._runner.remove(_name(experiment_id)):
            return False
        self._file(experiment_id).unlink(missing_ok=True)
        return True

    def _file(self, experiment_id: str) -> Path:
        return self._home.secrets / f"tensorboard-{experiment_id}.json"

    def _place(self, experiment_id: str) -> Json:
        path = self._file(experiment_id)
        while True:
            try:
                return json.loads(path.read_text())
            except FileNotFoundError:
                place = {"port": free_port(), "secret": secrets.token_urlsafe(32)}
                write_secret(path, json.dumps(place).encode(), replace=False)

    def _process(self, python: Path, experiment_id: str, place: Json) -> ProcessSpec:
        directory = self._home.tensorboard / experiment_id
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(directory),
            "TENSORBOARD_PORT": str(place["port"]),
            "TENSORBOARD_SECRET": place["secret"],
            "TENSORBOARD_LOGDIR": str(directory),
        }
        script = Path(__file__).with_name("tensorboard_process.py")
        return ProcessSpec((str(python), "-P", str(script)), environment, cwd=directory, grace_seconds=3)


def _name(experiment_id: str) -> str:
    return f"tensorboard-{experiment_id}"


def _answers(place: Json) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", place["port"], timeout=2)
    try:
        connection.request("GET", f"/{place['secret']}/data/environment")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
