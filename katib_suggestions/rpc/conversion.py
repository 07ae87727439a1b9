"""Between Katib's messages and our dataclasses, in both directions; what cannot be read is told all at once."""

from collections.abc import Iterable, Mapping
from typing import Any

from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.experiment import Distribution, Experiment, Objective, Parameter, ParameterType
from katib_suggestions.rpc import api_pb2
from katib_suggestions.search_space import InvalidExperiment
from katib_suggestions.trial import Trial, TrialCondition

_TYPES = {
    api_pb2.DOUBLE: ParameterType.DOUBLE,
    api_pb2.INT: ParameterType.INT,
    api_pb2.DISCRETE: ParameterType.DISCRETE,
    api_pb2.CATEGORICAL: ParameterType.CATEGORICAL,
}
_DISTRIBUTIONS = {
    api_pb2.DISTRIBUTION_UNSPECIFIED: Distribution.UNIFORM,
    api_pb2.UNIFORM: Distribution.UNIFORM,
    api_pb2.LOG_UNIFORM: Distribution.LOG_UNIFORM,
    api_pb2.NORMAL: Distribution.NORMAL,
    api_pb2.LOG_NORMAL: Distribution.LOG_NORMAL,
}
_OBJECTIVES = {api_pb2.MINIMIZE: Objective.MINIMIZE, api_pb2.MAXIMIZE: Objective.MAXIMIZE}
_CONDITIONS = {
    api_pb2.TrialStatus.CREATED: TrialCondition.CREATED,
    api_pb2.TrialStatus.RUNNING: TrialCondition.RUNNING,
    api_pb2.TrialStatus.SUCCEEDED: TrialCondition.SUCCEEDED,
    api_pb2.TrialStatus.KILLED: TrialCondition.KILLED,
    api_pb2.TrialStatus.FAILED: TrialCondition.FAILED,
    api_pb2.TrialStatus.METRICSUNAVAILABLE: TrialCondition.METRICS_UNAVAILABLE,
    api_pb2.TrialStatus.EARLYSTOPPED: TrialCondition.EARLY_STOPPED,
    api_pb2.TrialStatus.UNKNOWN: TrialCondition.UNKNOWN,
}
_COMPARISONS = {
    api_pb2.EQUAL: Comparison.EQUAL,
    api_pb2.LESS: Comparison.LESS,
    api_pb2.GREATER: Comparison.GREATER,
}


def _turned(pairs: Mapping[Any, Any]) -> dict[Any, Any]:
    """The other way; of two numbers for one word the last."""
    return {word: number for number, word in pairs.items()}


_TYPE_NUMBERS = _turned(_TYPES)
_DISTRIBUTION_NUMBERS = _turned(_DISTRIBUTIONS)
_OBJECTIVE_NUMBERS = _turned(_OBJECTIVES)
_CONDITION_NUMBERS = _turned(_CONDITIONS)
_COMPARISON_NUMBERS = _turned(_COMPARISONS)


# From messages.


def read_experiment(message: api_pb2.Experiment, *, aliases: Mapping[str, str] | None = None) -> Experiment:
    """Raises InvalidExperiment for what the dataclass has no word for; all else is for the services to judge.

    ``aliases`` are names of algorithms that stand for others.
    """
    spec = message.spec
    algorithm = spec.algorithm
    early_stopping, early_stopping_settings = read_early_stopping(spec.early_stopping)
    problems = _unreadable(spec)
    if problems:
        raise InvalidExperiment(tuple(problems))
    return Experiment(
        name=message.name,
        parameters=tuple(_read_parameter(each) for each in spec.parameter_specs.parameters),
        objective=_OBJECTIVES[spec.objective.type],
        metric=spec.objective.objective_metric_name,
        algorithm=(aliases or {}).get(algorithm.algorithm_name, algorithm.algorithm_name),
        settings=_read_settings(algorithm.algorithm_settings),
        # Katib sends 0 where no goal is set; nothing here depends on it.
        goal=spec.objective.goal or None,
        additional_metrics=tuple(spec.objective.additional_metric_names),
        max_trials=spec.max_trial_count or None,
        parallel_trials=spec.parallel_trial_count or 3,
        early_stopping=early_stopping,
        early_stopping_settings=early_stopping_settings,
    )


def read_early_stopping(spec: api_pb2.EarlyStoppingSpec) -> tuple[str, dict[str, str]]:
    """The algorithm, which is empty where none is asked for, and its settings."""
    return spec.algorithm_name, _read_settings(spec.algorithm_settings)


def _unreadable(spec: api_pb2.ExperimentSpec) -> list[str]:
    problems = [
        f"{each.name or 'a parameter without a name'}: unknown parameter type {each.parameter_type}"
        for each in spec.parameter_specs.parameters
        if each.parameter_type not in _TYPES
    ]
    problems += [
        f"{each.name}: unknown distribution {each.feasible_space.distribution}"
        for each in spec.parameter_specs.parameters
        if each.feasible_space.distribution not in _DISTRIBUTIONS
    ]
    if spec.objective.type not in _OBJECTIVES:
        problems.append("objective: its type is neither minimize nor maximize")
    if spec.HasField("nas_config"):
        problems.append("nasConfig: these algorithms do not search for network architectures")
    return problems


def _read_parameter(message: api_pb2.ParameterSpec) -> Parameter:
    space = message.feasible_space
    return Parameter(
        name=message.name,
        type=_TYPES[message.parameter_type],
        min=space.min,
        max=space.max,
        step=space.step,
        list=tuple(space.list),
        distribution=_DISTRIBUTIONS[space.distribution],
    )


def _read_settings(settings: Iterable[Any]) -> dict[str, str]:
    """The last counts where a name is there twice, as in Katib's own services."""
    return {each.name: each.value for each in settings}


def read_trials(messages: Iterable[api_pb2.Trial]) -> list[Trial]:
    return [read_trial(each) for each in messages]


def read_trial(message: api_pb2.Trial) -> Trial:
    spec, status = message.spec, message.status
    return Trial(
        name=message.name,
        assignments={each.name: each.value for each in spec.parameter_assignments.assignments},
        # A condition that is new to us says only that the trial is there.
        condition=_CONDITIONS.get(status.condition, TrialCondition.UNKNOWN),
        metrics={each.name: each.value for each in status.observation.metrics},
        labels=dict(spec.labels),
    )


def read_suggestions(reply: api_pb2.GetSuggestionsReply) -> list[dict[str, str]]:
    return [{each.name: each.value for each in point.assignments} for point in reply.parameter_assignments]


def read_rule(message: api_pb2.EarlyStoppingRule) -> StoppingRule:
    return StoppingRule(
        message.name, float(message.value), _COMPARISONS[message.comparison], start_step=message.start_step
    )


# To messages.


def experiment_message(experiment: Experiment) -> api_pb2.Experiment:
    spec = api_pb2.ExperimentSpec(
        parameter_specs=api_pb2.ExperimentSpec.ParameterSpecs(
            parameters=[_parameter_message(each) for each in experiment.parameters]
        ),
        objective=_objective_message(experiment),
        algorithm=api_pb2.AlgorithmSpec(
            algorithm_name=experiment.algorithm,
            algorithm_settings=[
                api_pb2.AlgorithmSetting(name=name, value=value) for name, value in experiment.settings.items()
            ],
        ),
        parallel_trial_count=experiment.parallel_trials,
        max_trial_count=experiment.max_trials or 0,
    )
    if experiment.early_stopping:
        spec.early_stopping.CopyFrom(early_stopping_message(experiment))
    return api_pb2.Experiment(name=experiment.name, spec=spec)


def _objective_message(experiment: Experiment) -> api_pb2.ObjectiveSpec:
    return api_pb2.ObjectiveSpec(
        type=_OBJECTIVE_NUMBERS[experiment.objective],
        goal=experiment.goal or 0.0,
        objective_metric_name=experiment.metric,
        additional_metric_names=experiment.additional_metrics,
    )


def _parameter_message(parameter: Parameter) -> api_pb2.ParameterSpec:
    return api_pb2.ParameterSpec(
        name=parameter.name,
        parameter_type=_TYPE_NUMBERS[parameter.type],
        feasible_space=api_pb2.FeasibleSpace(
            max=parameter.max,
            min=parameter.min,
            list=parameter.list,
            step=parameter.step,
            distribution=_DISTRIBUTION_NUMBERS[parameter.distribution],
        ),
    )


def early_stopping_message(experiment: Experiment) -> api_pb2.EarlyStoppingSpec:
    return api_pb2.EarlyStoppingSpec(
        algorithm_name=experiment.early_stopping,
        algorithm_settings=[
            api_pb2.EarlyStoppingSetting(name=name, value=value)
            for name, value in experiment.early_stopping_settings.items()
        ],
    )


def trial_message(trial: Trial) -> api_pb2.Trial:
    return api_pb2.Trial(
        name=trial.name,
        spec=api_pb2.TrialSpec(
            parameter_assignments=api_pb2.TrialSpec.ParameterAssignments(assignments=_assignments(trial.assignments)),
            labels=trial.labels,
        ),
        status=api_pb2.TrialStatus(
            condition=_CONDITION_NUMBERS[trial.condition],
            observation=api_pb2.Observation(
                metrics=[api_pb2.Metric(name=name, value=value) for name, value in trial.metrics.items()]
            ),
        ),
    )


def suggestions_message(points: Iterable[Mapping[str, str]]) -> api_pb2.GetSuggestionsReply:
    return api_pb2.GetSuggestionsReply(
        parameter_assignments=[
            api_pb2.GetSuggestionsReply.ParameterAssignments(assignments=_assignments(each)) for each in points
        ]
    )


def rule_message(rule: StoppingRule) -> api_pb2.EarlyStoppingRule:
    return api_pb2.EarlyStoppingRule(
        name=rule.metric,
        value=repr(rule.value),
        comparison=_COMPARISON_NUMBERS[rule.comparison],
        start_step=rule.start_step,
    )


def _assignments(values: Mapping[str, str]) -> list[api_pb2.ParameterAssignment]:
    return [api_pb2.ParameterAssignment(name=name, value=value) for name, value in values.items()]
