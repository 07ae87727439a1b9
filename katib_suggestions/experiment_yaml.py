"""Reads Katib's Experiment (kubeflow.org/v1beta1) from YAML as it is: what a search needs of it, and not the template.

Fields that only matter on a cluster (trialTemplate, metricsCollectorSpec, resumePolicy, …) are passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from katib_suggestions.experiment import Distribution, Experiment, Objective, Parameter, ParameterType
from katib_suggestions.search_space import InvalidExperiment

API_VERSION = "kubeflow.org/v1beta1"
STRATEGIES = ("min", "max", "latest")
# As Katib's webhook fills it in.
PARALLEL_TRIALS = 3


@dataclass(frozen=True)
class Declared:
    """``strategies``: how the values of a metric become one, where the experiment says so."""

    experiment: Experiment
    strategies: Mapping[str, str] = field(default_factory=dict[str, str])

    def strategy(self, metric: str) -> str:
        """Katib's default is the best value, by the objective's type, whatever the metric."""
        best = "max" if self.experiment.objective is Objective.MAXIMIZE else "min"
        return self.strategies.get(metric, best)


def read(text: str | bytes) -> Declared:
    """The one Experiment among the YAML documents of ``text``.

    Raises InvalidExperiment: no YAML, none or several Experiments, or fields of the wrong type, all of them at once.
    """
    try:
        documents = list(yaml.safe_load_all(text))
    # A ValueError comes of what looks like a date and is none, a RecursionError of endless nesting.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidExperiment([f"no YAML: {' '.join(str(error).split())}"]) from error
    found = [each for each in documents if isinstance(each, dict) and each.get("kind") == "Experiment"]
    if len(found) != 1:
        raise InvalidExperiment([f"{len(found) or 'no'} documents of kind Experiment; one is needed"])
    if found[0].get("apiVersion") != API_VERSION:
        raise InvalidExperiment([f"apiVersion is {found[0].get('apiVersion')!r}; {API_VERSION} is read"])
    reader = _Reader()
    declared = reader.declared(found[0])
    if reader.problems:
        raise InvalidExperiment(reader.problems)
    return declared


class _Reader:
    """Goes on after a problem, so that all are told at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def declared(self, document: Mapping[str, Any]) -> Declared:
        spec = self._map(document, "spec", "spec")
        objective = self._map(spec, "objective", "spec.objective")
        algorithm = self._map(spec, "algorithm", "spec.algorithm")
        stopping = self._map(spec, "earlyStopping", "spec.earlyStopping")
        metadata = self._map(document, "metadata", "metadata")
        type_ = self._text(objective, "type", "spec.objective.type")
        if type_ not in tuple(Objective):
            self.problems.append(f"spec.objective.type is {type_!r}; {' or '.join(Objective)} is needed")
            type_ = Objective.MINIMIZE
        experiment = Experiment(
            name=self._text(metadata, "name", "metadata.name") or self._text(metadata, "generateName", "metadata"),
            parameters=self._parameters(spec),
            objective=Objective(type_),
            metric=self._needed(objective, "objectiveMetricName", "spec.objective.objectiveMetricName"),
            algorithm=self._needed(algorithm, "algorithmName", "spec.algorithm.algorithmName"),
            settings=self._settings(algorithm, "algorithmSettings", "spec.algorithm.algorithmSettings"),
            goal=self._number(objective, "goal", "spec.objective.goal"),
            additional_metrics=self._texts(objective, "additionalMetricNames", "spec.objective.additionalMetricNames"),
            max_trials=self._count(spec, "maxTrialCount", 1),
            parallel_trials=self._count(spec, "parallelTrialCount", 1) or PARALLEL_TRIALS,
            max_failed_trials=self._count(spec, "maxFailedTrialCount", 0),
            early_stopping=self._text(stopping, "algorithmName", "spec.earlyStopping.algorithmName"),
            early_stopping_settings=self._settings(
                stopping, "algorithmSettings", "spec.earlyStopping.algorithmSettings"
            ),
        )
        return Declared(experiment, self._strategies(objective))

    def _parameters(self, spec: Mapping[str, Any]) -> tuple[Parameter, ...]:
        return tuple(
            self._parameter(each, f"spec.parameters[{index}]")
            for index, each in enumerate(self._maps(spec, "parameters", "spec.parameters"))
        )

    def _parameter(self, given: Mapping[str, Any], where: str) -> Parameter:
        space = self._map(given, "feasibleSpace", f"{where}.feasibleSpace")
        return Parameter(
            name=self._needed(given, "name", f"{where}.name"),
            # An unknown word is told by the search space, beside all else that is wrong with it.
            type=_word(ParameterType, self._needed(given, "parameterType", f"{where}.parameterType")),
            min=self._text(space, "min", f"{where}.feasibleSpace.min"),
            max=self._text(space, "max", f"{where}.feasibleSpace.max"),
            step=self._text(space, "step", f"{where}.feasibleSpace.step"),
            list=self._texts(space, "list", f"{where}.feasibleSpace.list"),
            distribution=_word(
                Distribution,
                self._text(space, "distribution", f"{where}.feasibleSpace.distribution") or Distribution.UNIFORM,
            ),
        )

    def _strategies(self, objective: Mapping[str, Any]) -> dict[str, str]:
        where = "spec.objective.metricStrategies"
        found = {
            self._text(each, "name", where): self._text(each, "value", where)
            for each in self._maps(objective, "metricStrategies", where)
        }
        self.problems += [
            f"{where}: {name} is to be {value!r}; {', '.join(STRATEGIES)} are known"
            for name, value in found.items()
            if value not in STRATEGIES
        ]
        return found

    def _settings(self, given: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
        return {
            self._text(each, "name", where): self._text(each, "value", where) for each in self._maps(given, key, where)
        }

    def _map(self, given: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
        value = given.get(key) or {}
        if not isinstance(value, dict):
            self.problems.append(f"{where} is to be a mapping, not {value!r}")
            return {}
        return value

    def _maps(self, given: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
        value = given.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.problems.append(f"{where} is to be a list of mappings")
            return []
        return value

    def _text(self, given: Mapping[str, Any], key: str, where: str) -> str:
        """Numbers without quotes are taken, although Kubernetes wants texts: what is meant is plain."""
        value = given.get(key)
        if isinstance(value, bool | dict | list):
            self.problems.append(f"{where} is to be a text, not {value!r}")
            return ""
        return "" if value is None else str(value)

    def _needed(self, given: Mapping[str, Any], key: str, where: str) -> str:
        value = self._text(given, key, where)
        if not value:
            self.problems.append(f"{where} is missing")
        return value

    def _texts(self, given: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = given.get(key) or []
        if not isinstance(value, list):
            self.problems.append(f"{where} is to be a list")
            return ()
        return tuple(self._text({key: each}, key, f"{where}[{index}]") for index, each in enumerate(value))

    def _number(self, given: Mapping[str, Any], key: str, where: str) -> float | None:
        value = given.get(key)
        if value is None:
            return None
        try:
            return float(self._text(given, key, where))
        except ValueError:
            self.problems.append(f"{where} is to be a number, not {value!r}")
            return None

    def _count(self, spec: Mapping[str, Any], key: str, least: int) -> int | None:
        value = spec.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.problems.append(f"spec.{key} is to be a whole number from {least}, not {value!r}")
            return None
        return value


def _word(kind: Any, text: str) -> Any:
    return kind(text) if text in tuple(kind) else text
