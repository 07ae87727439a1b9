"""An experiment in Katib's words: what a data scientist declares, with every value as the text that Katib carries.

Nothing is checked here; `search_space` and `service.validate` say what is wrong with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ParameterType(StrEnum):
    DOUBLE = "double"
    INT = "int"
    DISCRETE = "discrete"
    CATEGORICAL = "categorical"


class Distribution(StrEnum):
    UNIFORM = "uniform"
    LOG_UNIFORM = "logUniform"
    NORMAL = "normal"
    LOG_NORMAL = "logNormal"


class Objective(StrEnum):
    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


@dataclass(frozen=True)
class Parameter:
    name: str
    type: ParameterType
    min: str = ""
    max: str = ""
    step: str = ""
    list: tuple[str, ...] = ()
    distribution: Distribution = Distribution.UNIFORM


@dataclass(frozen=True)
class Experiment:
    name: str
    parameters: tuple[Parameter, ...]
    objective: Objective
    metric: str
    algorithm: str
    settings: Mapping[str, str] = field(default_factory=dict)
    goal: float | None = None
    additional_metrics: tuple[str, ...] = ()
    max_trials: int | None = None
    parallel_trials: int = 3
    max_failed_trials: int | None = None
    early_stopping: str = ""
    early_stopping_settings: Mapping[str, str] = field(default_factory=dict)
