"""Katib's own YAML is read as it is, and everything that is wrong with one is told at once."""

import pytest

from katib_suggestions.experiment import Distribution, Objective, Parameter, ParameterType
from katib_suggestions.experiment_yaml import read
from katib_suggestions.search_space import InvalidExperiment

WHOLE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: beside-it}
---
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {namespace: team, name: digits}
spec:
  objective:
    type: maximize
    goal: 0.99
    objectiveMetricName: accuracy
    additionalMetricNames: [loss]
    metricStrategies: [{name: accuracy, value: latest}]
  algorithm:
    algorithmName: bayesianoptimization
    algorithmSettings: [{name: random_state, value: "7"}]
  earlyStopping:
    algorithmName: medianstop
    algorithmSettings: [{name: start_step, value: "3"}]
  parallelTrialCount: 2
  maxTrialCount: 9
  maxFailedTrialCount: 0
  resumePolicy: LongRunning
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace: {min: "0.01", max: 0.1, distribution: logUniform}
    - name: layers
      parameterType: int
      feasibleSpace: {min: "2", max: "5", step: "1"}
    - name: optimizer
      parameterType: categorical
      feasibleSpace: {list: [sgd, adam]}
  trialTemplate: {primaryContainerName: training, trialSpec: {kind: Job}}
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidExperiment) as refused:
        read(text)
    return refused.value.problems


def test_everything_that_a_search_needs_is_read() -> None:
    declared = read(WHOLE)
    experiment = declared.experiment
    assert experiment.parameters == (
        Parameter("lr", ParameterType.DOUBLE, "0.01", "0.1", distribution=Distribution.LOG_UNIFORM),
        Parameter("layers", ParameterType.INT, "2", "5", "1"),
        Parameter("optimizer", ParameterType.CATEGORICAL, list=("sgd", "adam")),
    )
    assert (experiment.name, experiment.objective, experiment.metric) == ("digits", Objective.MAXIMIZE, "accuracy")
    assert (experiment.algorithm, experiment.settings) == ("bayesianoptimization", {"random_state": "7"})
    assert (experiment.early_stopping, experiment.early_stopping_settings) == ("medianstop", {"start_step": "3"})
    limits = (experiment.goal, experiment.max_trials, experiment.parallel_trials, experiment.max_failed_trials)
    assert limits == (0.99, 9, 2, 0)
    assert [declared.strategy(metric) for metric in ("accuracy", "loss")] == ["latest", "max"]


def test_what_katibs_webhook_fills_in_is_filled_in() -> None:
    lines = [each for each in WHOLE.splitlines() if "TrialCount" not in each]
    experiment = read("\n".join(lines)).experiment
    assert (experiment.parallel_trials, experiment.max_trials, experiment.max_failed_trials) == (3, None, None)


def test_all_problems_are_told_with_their_place() -> None:
    broken = WHOLE.replace("type: maximize", "type: best").replace("maxTrialCount: 9", "maxTrialCount: many")
    broken = broken.replace("goal: 0.99", "goal: high").replace("value: latest", "value: mean")
    broken = broken.replace("algorithmName: bayesianoptimization", "other: 1").replace("name: lr\n", "nom: lr\n")
    places = [each.split(" ")[0] for each in problems(broken)]
    assert set(places) == {
        "spec.objective.type", "spec.maxTrialCount", "spec.objective.goal", "spec.objective.metricStrategies:",
        "spec.algorithm.algorithmName", "spec.parameters[0].name",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "no YAML"),
        ("a: 2024-13-45", "no YAML"),
        ("[" * 3000, "no YAML"),
        ("kind: Trial", "no documents of kind Experiment"),
        (WHOLE + "---" + WHOLE, "2 documents of kind Experiment"),
        ("kind: Experiment\napiVersion: kubeflow.org/v1", "kubeflow.org/v1beta1 is read"),
        ("kind: Experiment\napiVersion: kubeflow.org/v1beta1\nspec: [1]", "spec is to be a mapping"),
        (
            "kind: Experiment\napiVersion: kubeflow.org/v1beta1\nspec: {parameters: {}}",
            "objectiveMetricName is missing",
        ),
        ("kind: Experiment\napiVersion: kubeflow.org/v1beta1\nspec: {parameters: [1]}", "list of mappings"),
        ("!!python/object/apply:os.getcwd []", "no YAML"),
    ],
)
def test_what_is_no_experiment_is_refused(text: str, told: str) -> None:
    assert any(told in each for each in problems(text)), problems(text)
