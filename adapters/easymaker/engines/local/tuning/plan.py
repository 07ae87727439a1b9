"""What a controller is asked to do: one frozen object, kept as a JSON file beside its journal. It holds no secret."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.launcher_runs import Work
from katib_suggestions.experiment import Distribution, Experiment, Objective, Parameter, ParameterType


@dataclass(frozen=True)
class Storage:
    """Where the local object storage is, for the trials' tokens; its key is read where it lies."""

    address: str
    ca_file: Path
    token_key_file: Path


@dataclass(frozen=True)
class Sockets:
    """Of the two services of katib_suggestions, and of the values that this controller serves them.

    Relative to the directory in which all three run.
    """

    suggestion: Path
    early_stopping: Path
    observations: Path


@dataclass(frozen=True)
class Plan:
    """``work`` is what each trial does, but for its own hyperparameters, name and addresses in the storage."""

    tuning_id: str
    tuning_name: str
    trial_prefix: str
    experiment: Experiment
    metric_regex: str
    nodes: int
    work: Work
    model_upload_uri: str
    checkpoint_upload_uri: str | None
    directory: Path
    tensorboard: Path
    home: LocalHome
    storage: Storage
    sockets: Sockets

    def to_json(self) -> Any:
        """As from_json() reads it."""
        return json.loads(json.dumps(asdict(self), default=str))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        simple = {name: data[name] for name in ("tuning_id", "tuning_name", "trial_prefix", "metric_regex", "nodes")}
        return cls(
            **simple,
            experiment=_experiment(data["experiment"]),
            work=_work(data["work"]),
            model_upload_uri=data["model_upload_uri"],
            checkpoint_upload_uri=data["checkpoint_upload_uri"],
            directory=Path(data["directory"]),
            tensorboard=Path(data["tensorboard"]),
            home=LocalHome(**_paths(data["home"])),
            storage=Storage(**data["storage"] | _paths(data["storage"], "ca_file", "token_key_file")),
            sockets=Sockets(**_paths(data["sockets"])),
        )

    def trial_id(self, number: int) -> str:
        return f"{self.trial_prefix}-{number:04d}"


def _experiment(data: Mapping[str, Any]) -> Experiment:
    typed = {
        "parameters": tuple(map(_parameter, data["parameters"])),
        "objective": Objective(data["objective"]),
        "additional_metrics": tuple(data["additional_metrics"]),
    }
    return Experiment(**dict(data) | typed)


def _parameter(data: Mapping[str, Any]) -> Parameter:
    typed = {
        "type": ParameterType(data["type"]),
        "list": tuple(data["list"]),
        "distribution": Distribution(data["distribution"]),
    }
    return Parameter(**dict(data) | typed)


def _work(data: Mapping[str, Any]) -> Work:
    launcher = {name: _tuples(value) for name, value in data["launcher"].items()}
    typed: dict[str, Any] = {"launcher": launcher, **_paths(data, "python", "requirements_lock")}
    return Work(**{**data, **typed})


def _paths(data: Mapping[str, str], *names: str) -> dict[str, Path]:
    return {name: Path(value) for name, value in data.items() if name in names or not names}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
