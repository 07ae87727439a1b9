"""What Katib's own services were measured to do wrong, each asked of ours."""

from dataclasses import replace
from decimal import Decimal

import pytest

from katib_suggestions.algorithms import ALGORITHMS
from katib_suggestions.experiment import Experiment, Objective, Parameter
from katib_suggestions.service import suggest, validate
from katib_suggestions.trial import Trial, TrialCondition
from tests.katib_suggestions.generated import (
    categorical,
    discrete,
    double,
    experiment,
    integer,
    problems_of,
    trials_of,
)

every_algorithm = pytest.mark.parametrize("algorithm", list(ALGORITHMS))
drawing_algorithms = pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name != "grid"])
MIXED = (double("x", "0.1", "0.9", "0.001"), categorical("k", "a", "b"))


@every_algorithm
def test_a_fresh_service_takes_the_trials_of_an_old_one(algorithm: str) -> None:
    """optuna's service: "An unknown trial has been passed", on every call from then on."""
    asked = experiment(algorithm, *MIXED)
    old = trials_of([{"x": "0.123", "k": "b"}, {"x": "0.5", "k": "a"}], TrialCondition.SUCCEEDED, "0.5")
    (answer,) = suggest(asked, old, 1)
    assert answer not in [trial.assignments for trial in old]


@every_algorithm
def test_a_restart_with_random_state_repeats_no_point(algorithm: str) -> None:
    """All three services begin the random stream again: points under way are given twice."""
    asked = experiment(algorithm, *MIXED, settings={"random_state": "1"})
    first = suggest(asked, [], 2)
    second = suggest(asked, trials_of(first), 2)
    assert not [answer for answer in second if answer in first]


@every_algorithm
def test_a_retry_after_a_lost_reply_gets_the_lost_points(algorithm: str) -> None:
    """optuna's service counts the lost ones as running for ever."""
    asked = experiment(algorithm, *MIXED)
    shown = trials_of(suggest(asked, [], 3), TrialCondition.SUCCEEDED, "1")
    assert suggest(asked, shown, 2) == suggest(asked, shown, 2)


@every_algorithm
def test_one_process_serves_any_number_of_experiments(algorithm: str) -> None:
    """The peers bind to the first experiment that they see, and answer the second with its parameters."""
    one, two = experiment(algorithm, *MIXED), experiment(algorithm, integer("n", "1", "9"), name="two")
    alone = suggest(two, [], 3)
    suggest(one, [], 3)
    assert suggest(two, [], 3) == alone
    assert {tuple(answer) for answer in alone} == {("n",)}


@every_algorithm
@pytest.mark.parametrize("value", ["unavailable", "nan", "inf", "", None])
def test_a_result_that_is_no_number_stops_nothing(algorithm: str, value: str | None) -> None:
    """optuna's service: could not convert string to float, on every call from then on."""
    asked = experiment(algorithm, *MIXED)
    trials = trials_of(suggest(asked, [], 3), TrialCondition.SUCCEEDED, value)
    assert len(suggest(asked, trials, 4)) == 4


@every_algorithm
def test_four_points_at_once_are_four_points(algorithm: str) -> None:
    """hyperopt's service: four times the same."""
    asked = experiment(algorithm, *MIXED)
    done = trials_of(suggest(asked, [], 4), TrialCondition.SUCCEEDED, "1")
    answers = suggest(asked, done, 4)
    assert len({tuple(answer.items()) for answer in [*answers, *(dict(trial.assignments) for trial in done)]}) == 8


STEPPED = [
    (integer("n", "1", "10", "4"), {"1", "5", "9"}),
    (double("x", "0.05", "0.5", "0.1"), {"0.05", "0.15", "0.25", "0.35", "0.45"}),
    (double("x", "0.1", "0.5", "0.1"), {"0.1", "0.2", "0.3", "0.4", "0.5"}),
    (double("x", "0", "1", "0.3", "normal"), {"0.0", "0.3", "0.6", "0.9"}),
    (double("x", "1", "100", "33", "logUniform"), {"1.0", "34.0", "67.0", "100.0"}),
    (discrete("d", "4", "1", "2"), {"1", "2", "4"}),
]


@every_algorithm
@pytest.mark.parametrize(("parameter", "expected"), STEPPED)
def test_a_step_is_kept_by_every_algorithm(algorithm: str, parameter: Parameter, expected: set[str]) -> None:
    """skopt drops it, hyperopt rounds out of the box, optuna writes 0.30000000000000004 and drops it in logUniform."""
    answers = suggest(experiment(algorithm, parameter), [], len(expected))
    assert {text for answer in answers for text in answer.values()} == expected


@drawing_algorithms
@pytest.mark.parametrize(
    "parameter",
    [
        double("x", "-5", "10"),
        double("x", "0", "1", distribution="normal"),
        double("x", "0.001", "1", distribution="logNormal"),
        integer("n", "-3", "40", distribution="normal"),
        integer("n", "1", "200", distribution="logUniform"),
    ],
)
def test_any_range_and_distribution_that_validates_is_served_within_its_box(
    algorithm: str, parameter: Parameter
) -> None:
    """skopt raises for ranges with zero, optuna for normal, both after they have validated; hyperopt leaves the box."""
    asked = experiment(algorithm, parameter)
    validate(asked)
    trials: list[Trial] = []
    for call in range(3):
        answers = suggest(asked, trials, 6)
        trials += trials_of(answers, TrialCondition.SUCCEEDED, str(call))
    values = [Decimal(trial.assignments[parameter.name]) for trial in trials]
    assert all(Decimal(parameter.min) <= value <= Decimal(parameter.max) for value in values)
    assert len(set(values)) == len(values)


@every_algorithm
@pytest.mark.parametrize(
    "wrong",
    [
        double("x", "lo", "1", "0.1"),
        double("x", "2", "1", "0.1"),
        categorical("k"),
        integer("n", "0", "9", distribution="logUniform"),
        double("x", "0", "1", "0"),
    ],
)
def test_nonsense_is_refused_before_the_first_trial(algorithm: str, wrong: Parameter) -> None:
    """The peers let it pass, and the controller asks for ever."""
    (problem,) = problems_of(experiment(algorithm, wrong))
    assert problem.startswith(f"parameter '{wrong.name}': ")


@every_algorithm
def test_an_early_stopped_trial_is_no_failure_and_no_obstacle(algorithm: str) -> None:
    asked: Experiment = replace(experiment(algorithm, *MIXED), objective=Objective.MAXIMIZE)
    stopped = trials_of(suggest(asked, [], 3), TrialCondition.EARLY_STOPPED, "0.1")
    answers = suggest(asked, stopped, 3)
    assert not [answer for answer in answers if answer in [trial.assignments for trial in stopped]]
