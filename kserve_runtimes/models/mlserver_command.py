"""How a model becomes an MLServer process: its arguments and its whole environment. Pure.

The process itself is mlserver_process.py, run by the Python of MLServer's own environment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SKLEARN = "kserve_runtimes.models.sklearn.SklearnModel"
PROCESS_MODULE = "kserve_runtimes.models.mlserver_process"
REQUIREMENTS = {SKLEARN: Path(__file__).with_name("sklearn.requirements.txt")}
# The endpoint API has paths with a version in them, models of the resource model have none: it is always this one.
MODEL_VERSION = "1"
# The process ends with this when the artifact cannot be served; its last line on stderr says why.
EXIT_MODEL_NOT_LOADED = 3

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class ServerSpec:
    """One model server; ``parameters`` are the model's, as its owner typed them."""

    python: Path
    model_name: str
    model_path: Path
    http_port: int
    implementation: str = SKLEARN
    host: str = "127.0.0.1"
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ServerCommand:
    argv: tuple[str, ...]
    env: dict[str, str]


def requirements(implementation: str = SKLEARN) -> tuple[str, ...]:
    """The requirement lines of the environment that this implementation runs in."""
    lines = REQUIREMENTS[implementation].read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def screaming_snake(name: str) -> str:
    """``modelId``, ``model-id`` and ``model id`` all become ``MODEL_ID``."""
    return _NOT_WORD.sub("_", _WORD_START.sub("_", name)).strip("_").upper()


def server_command(spec: ServerSpec) -> ServerCommand:
    """Arguments and environment; ours win over a model parameter that would become the same variable."""
    argv = [str(spec.python), "-m", PROCESS_MODULE]
    env: dict[str, str] = {}
    for name, value in spec.parameters.items():
        argv += [f"--{name}", value]
        if screaming_snake(name):
            env[screaming_snake(name)] = value
    return ServerCommand(tuple(argv), env | server_environment(spec))


def server_environment(spec: ServerSpec) -> dict[str, str]:
    """MLServer's settings, and the little else that a Python process needs."""
    return {
        "PATH": f"{spec.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LD_PRELOAD": "",
        "PYTHONPATH": "",
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MLSERVER_HOST": spec.host,
        "MLSERVER_HTTP_PORT": str(spec.http_port),
        # Worker processes cost memory and a hop; a stage resource scales by pods.
        "MLSERVER_PARALLEL_WORKERS": "0",
        # With debug on, MLServer answers errors with tracebacks.
        "MLSERVER_DEBUG": "false",
        "MLSERVER_METRICS_ENDPOINT": "",
        "MLSERVER_GZIP_ENABLED": "false",
        "MLSERVER_MODEL_NAME": spec.model_name,
        "MLSERVER_MODEL_URI": str(spec.model_path),
        "MLSERVER_MODEL_VERSION": MODEL_VERSION,
        "MLSERVER_MODEL_VERSIONS": f'["{MODEL_VERSION}"]',
        "MLSERVER_MODEL_PLATFORM": "sklearn",
        "MLSERVER_MODEL_IMPLEMENTATION": spec.implementation,
    }
