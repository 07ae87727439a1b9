"""Messages say what the dataclasses say, in both directions; what Katib sends by default is read as it is meant."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.experiment import Distribution, Experiment, Objective, Parameter, ParameterType
from katib_suggestions.rpc import api_pb2, conversion
from katib_suggestions.search_space import InvalidExperiment
from katib_suggestions.trial import Trial, TrialCondition
from tests.katib_suggestions.rpc.experiments import experiment

# Lone surrogates are no text in a message.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
pairs = st.dictionaries(texts, texts, max_size=4)
parameters = st.builds(
    Parameter,
    name=texts,
    type=st.sampled_from(ParameterType),
    min=texts,
    max=texts,
    step=texts,
    list=st.lists(texts, max_size=3).map(tuple),
    distribution=st.sampled_from(Distribution),
)
counts = st.none() | st.integers(1, 2**31 - 1)
experiments = st.builds(
    Experiment,
    name=texts,
    parameters=st.lists(parameters, max_size=4).map(tuple),
    objective=st.sampled_from(Objective),
    metric=texts,
    algorithm=texts,
    settings=pairs,
    goal=st.none() | st.floats(0.001, 1000),
    additional_metrics=st.lists(texts, max_size=3).map(tuple),
    max_trials=counts,
    parallel_trials=st.integers(1, 1000),
    max_failed_trials=st.none(),
    early_stopping=texts.filter(bool),
    early_stopping_settings=pairs,
)
trials = st.builds(
    Trial, name=texts, assignments=pairs, condition=st.sampled_from(TrialCondition), metrics=pairs, labels=pairs
)


@given(experiments)
def test_an_experiment_comes_back_as_it_was(original: Experiment) -> None:
    message = api_pb2.Experiment.FromString(conversion.experiment_message(original).SerializeToString())
    assert conversion.read_experiment(message) == original


@given(trials)
def test_a_trial_comes_back_as_it_was(original: Trial) -> None:
    message = api_pb2.Trial.FromString(conversion.trial_message(original).SerializeToString())
    assert conversion.read_trial(message) == original


@given(st.lists(pairs))
def test_suggestions_come_back_as_they_were(points: list[dict[str, str]]) -> None:
    assert conversion.read_suggestions(conversion.suggestions_message(points)) == points


@pytest.mark.parametrize("comparison", Comparison)
def test_a_rule_comes_back_with_every_digit(comparison: Comparison) -> None:
    rule = StoppingRule("loss", 0.1 + 0.2, comparison, 4)
    assert conversion.read_rule(conversion.rule_message(rule)) == rule


def test_what_katib_leaves_out_is_read_as_its_default() -> None:
    """Zeros on the wire stand for limits and goals that are not set."""
    message = conversion.experiment_message(experiment())
    spec = message.spec
    spec.parallel_trial_count = spec.max_trial_count = 0
    spec.parameter_specs.parameters[1].feasible_space.distribution = api_pb2.DISTRIBUTION_UNSPECIFIED
    read = conversion.read_experiment(message)
    assert (read.max_trials, read.parallel_trials, read.goal, read.early_stopping) == (None, 3, None, "")
    assert read.parameters[1].distribution is Distribution.UNIFORM


def test_of_a_setting_that_is_there_twice_the_last_counts() -> None:
    """The controller appends what a service returned earlier."""
    message = conversion.experiment_message(experiment(settings={"random_state": "1"}))
    message.spec.algorithm.algorithm_settings.add(name="random_state", value="2")
    assert conversion.read_experiment(message).settings == {"random_state": "2"}


def test_all_that_cannot_be_read_is_told_at_once() -> None:
    message = conversion.experiment_message(experiment())
    spec = message.spec
    spec.parameter_specs.parameters[0].parameter_type = api_pb2.UNKNOWN_TYPE
    # A number that a later version of the interface may have.
    spec.parameter_specs.parameters[1].feasible_space.distribution = 99
    spec.objective.type = api_pb2.UNKNOWN
    spec.nas_config.graph_config.num_layers = 3
    with pytest.raises(InvalidExperiment) as caught:
        conversion.read_experiment(message)
    assert len(caught.value.problems) == 4
    assert all(word in str(caught.value) for word in ("lr", "momentum", "objective", "architectures"))


def test_a_condition_of_a_later_version_says_only_that_the_trial_is_there() -> None:
    message = conversion.trial_message(Trial("t", {}, TrialCondition.SUCCEEDED))
    message.status.condition = 42
    assert conversion.read_trial(message).condition is TrialCondition.UNKNOWN


def test_an_alias_is_read_as_the_algorithm_that_it_stands_for() -> None:
    message = conversion.experiment_message(replace(experiment(), algorithm="ours"))
    assert conversion.read_experiment(message, aliases={"ours": "grid"}).algorithm == "grid"
