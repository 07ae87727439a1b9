"""Experiments and trials that several tests of the services ask about."""

from collections.abc import Iterable
from typing import Any

from katib_suggestions.experiment import Distribution, Experiment, Objective, Parameter, ParameterType
from katib_suggestions.trial import Trial, TrialCondition

PARAMETERS = (
    Parameter("lr", ParameterType.DOUBLE, min="0.0001", max="0.1", distribution=Distribution.LOG_UNIFORM),
    Parameter("momentum", ParameterType.DOUBLE, min="0.5", max="0.99"),
    Parameter("layers", ParameterType.INT, min="1", max="8"),
    Parameter("batch", ParameterType.DISCRETE, list=("16", "32", "64")),
    Parameter("optimizer", ParameterType.CATEGORICAL, list=("sgd", "adam")),
)


def experiment(**changes: Any) -> Experiment:
    values: dict[str, Any] = {
        "name": "tune",
        "parameters": PARAMETERS,
        "objective": Objective.MAXIMIZE,
        "metric": "accuracy",
        "algorithm": "random",
    }
    return Experiment(**(values | changes))


def finished(points: Iterable[dict[str, str]], first: int = 0) -> list[Trial]:
    """One trial for each, with a value that depends on the point alone."""
    return [
        Trial(f"tune-{number:05d}", point, TrialCondition.SUCCEEDED, {"accuracy": value_of(point)})
        for number, point in enumerate(points, first)
    ]


def value_of(point: dict[str, str]) -> str:
    closeness = -abs(float(point["momentum"]) - 0.9) - abs(int(point["layers"]) - 3) / 10
    return repr(closeness + (0.1 if point["optimizer"] == "adam" else 0))
