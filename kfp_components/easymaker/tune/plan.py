"""What a tuning is asked to do, and what came of it, whoever carries it out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from katib_suggestions.experiment import Experiment, Objective, Parameter
from kfp_components.easymaker.runs.markdown import table
from kfp_components.easymaker.runs.program import Program
from kfp_components.easymaker.tune.search_space import parameters

ALGORITHMS = {"bayesian": "bayesianoptimization", "random": "random", "grid": "grid"}
MEDIAN = "median"


class TuningInvalid(ValueError):
    """The text names the input of the component."""


class TuningFailed(Exception):
    """There is no best trial; the text says why."""


@dataclass(frozen=True)
class Goal:
    """When to stop looking, and which way is up."""

    metric: str
    direction: str = "maximize"
    value: float | None = None
    max_trials: int = 10
    max_failed_trials: int = 0

    def better(self, new: float, old: float) -> bool:
        return new > old if self.direction == "maximize" else new < old

    def reached(self, value: float) -> bool:
        if self.value is None:
            return False
        return value >= self.value if self.direction == "maximize" else value <= self.value


@dataclass(frozen=True)
class Search:
    """``random_state`` makes it reproducible."""

    space: Mapping[str, Any]
    algorithm: str = "bayesian"
    random_state: int | None = None
    parallel_trials: int = 1
    early_stopping: str = ""


@dataclass(frozen=True)
class Platform:
    """Where an EasyMaker tuning runs; names or ids."""

    experiment: str = ""
    image: str = ""
    flavor: str = ""
    data_storage_gb: int = 0


@dataclass(frozen=True)
class Tuning:
    program: Program
    goal: Goal
    search: Search
    model_upload_uri: str = ""
    metric_regex: str = ""
    platform: Platform = field(default_factory=Platform)

    def __post_init__(self) -> None:
        problems = [
            (not self.goal.metric, "objective_metric is empty"),
            (self.goal.direction not in tuple(Objective), "objective is neither maximize nor minimize"),
            (self.search.algorithm not in ALGORITHMS, f"algorithm is none of {', '.join(ALGORITHMS)}"),
            (self.search.early_stopping not in ("", MEDIAN), f"early_stopping is neither {MEDIAN} nor empty"),
            (self.goal.max_trials < 1, "max_trials is less than 1"),
            (self.search.parallel_trials < 1, "parallel_trials is less than 1"),
        ]
        for wrong, sentence in problems:
            if wrong:
                raise TuningInvalid(sentence)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return parameters(self.search.space)

    def experiment(self) -> Experiment:
        """In Katib's words."""
        seed = self.search.random_state
        return Experiment(
            name="tune",
            parameters=self.parameters,
            objective=Objective(self.goal.direction),
            metric=self.goal.metric,
            algorithm=ALGORITHMS[self.search.algorithm],
            settings={} if seed is None else {"random_state": str(seed)},
            goal=self.goal.value,
            max_trials=self.goal.max_trials,
            parallel_trials=self.search.parallel_trials,
        )


@dataclass(frozen=True)
class TrialResult:
    """``value`` is None for a trial without the objective's metric."""

    name: str
    status: str
    parameters: Mapping[str, str]
    value: float | None = None


@dataclass(frozen=True)
class TuningResult:
    """``tuning_id`` is empty for the local loop."""

    trials: Sequence[TrialResult]
    best: TrialResult
    tuning_id: str = ""

    def counts(self, metric: str) -> dict[str, float]:
        found: dict[str, float] = {} if self.best.value is None else {metric: self.best.value}
        succeeded = sum(trial.status == "SUCCEEDED" for trial in self.trials)
        return found | {"trialCount": len(self.trials), "successfulTrialCount": succeeded}

    def markdown(self, metric: str) -> str:
        """The best first."""
        names = list(self.best.parameters)
        rows = [
            (trial.name, trial.status, _shown(trial.value), *(trial.parameters.get(name, "") for name in names))
            for trial in sorted(self.trials, key=lambda trial: trial is not self.best)
        ]
        told = f"Best trial: {self.best.name}, {metric} = {_shown(self.best.value)}"
        return f"# Tuning\n\n{told}\n\n" + table(("trial", "status", metric, *names), rows) + "\n"


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
