"""Which runtime serves a model format, and what the mapping has to know of it. A further format is one entry. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.errors import PermanentEngineError
from kserve_runtimes.models import mlserver_command
from kserve_runtimes.oip.routes import Protocol

# What KServe itself sets, or reads, in a model's container.
_KSERVE_VARIABLES = frozenset({"INFERENCE_SERVICE_NAME", "STORAGE_URI", "PYTHONPATH", "HOME"})
MODEL_PATH = Path("/mnt/models")
HTTP_PORT = 8080


@dataclass(frozen=True)
class Runtime:
    """``name`` is that of the ClusterServingRuntime, less the installation's prefix.

    ``name_variable`` tells the server how clients call the model. ``variables`` are those of the runtime's container:
    a model parameter cannot replace them. ``hopeless_exit_codes``: the server cannot be started with this artifact.
    """

    model_format: str
    name: str
    protocols: tuple[Protocol, ...]
    name_variable: str
    variables: frozenset[str]
    hopeless_exit_codes: frozenset[int]


def _mlserver_variables() -> frozenset[str]:
    spec = mlserver_command.ServerSpec(Path("python"), "", MODEL_PATH, HTTP_PORT)
    return frozenset(mlserver_command.server_environment(spec)) | _KSERVE_VARIABLES


RUNTIMES = {
    "SKLEARN": Runtime(
        model_format="sklearn",
        name="mlserver",
        protocols=("v1", "v2"),
        name_variable="MLSERVER_MODEL_NAME",
        variables=_mlserver_variables(),
        hopeless_exit_codes=frozenset({mlserver_command.EXIT_MODEL_NOT_LOADED}),
    )
}


def runtime_of(model_format: str) -> Runtime:
    """Raises PermanentEngineError for a format that cannot be served."""
    runtime = RUNTIMES.get(model_format)
    if runtime is None:
        raise PermanentEngineError(
            f"this installation cannot serve {model_format} models yet; it serves {_listed(list(RUNTIMES))}"
        )
    return runtime


def _listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(names))
