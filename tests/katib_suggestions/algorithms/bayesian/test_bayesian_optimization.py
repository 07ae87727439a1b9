"""Bayesian optimisation as a whole: it optimises, in parallel, with noise, failures and values of any kind."""

import math
import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from katib_suggestions.experiment import Experiment, Objective, Parameter
from katib_suggestions.service import suggest, validate
from katib_suggestions.trial import Trial, TrialCondition
from tests.katib_suggestions.generated import categorical, double, experiment, integer, problems_of, trials_of

Function = Callable[[Mapping[str, str]], float | None]
PLANE = (double("x", "-1", "2"), double("y", "-1", "2"))


def bowl(point: Mapping[str, str]) -> float:
    return (float(point["x"]) - 0.3) ** 2 + 2 * (float(point["y"]) - 0.7) ** 2


def asked_for(*parameters: Parameter, seed: int = 0) -> Experiment:
    return experiment("bayesian", *parameters, settings={"random_state": str(seed)})


def carried_out(asked: Experiment, function: Function, count: int, in_flight: int = 1) -> list[Trial]:
    """As a controller does: a new trial as soon as one ends, those under way in the request. No value: it failed."""
    ended: list[Trial] = []
    running: list[Trial] = []
    while len(ended) < count:
        while len(running) < in_flight:
            running += trials_of(suggest(asked, ended + running, 1))
        trial = running.pop(0)
        value = function(trial.assignments)
        condition = TrialCondition.FAILED if value is None else TrialCondition.SUCCEEDED
        ended.append(replace(trial, condition=condition, metrics={} if value is None else {"loss": repr(value)}))
    return ended


def least(trials: list[Trial], function: Function) -> float:
    return min(value for trial in trials if (value := function(trial.assignments)) is not None)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_smooth_minimum_is_found_in_few_trials(in_flight: int) -> None:
    assert least(carried_out(asked_for(*PLANE), bowl, 30, in_flight), bowl) < 1e-3


def test_what_is_to_be_maximised_is_maximised() -> None:
    asked = replace(asked_for(*PLANE), objective=Objective.MAXIMIZE)
    trials = carried_out(asked, lambda point: -bowl(point), 25)
    assert least(trials, bowl) < 1e-2


def test_mixed_parameters_are_optimised_together() -> None:
    def mixed(point: Mapping[str, str]) -> float:
        penalty = {"a": 1.0, "b": 0.0, "c": 0.5}[point["k"]]
        return penalty + (math.log10(float(point["lr"])) + 3) ** 2 + abs(int(point["n"]) - 17) / 10

    space = (
        double("lr", "1e-6", "1", distribution="logUniform"),
        integer("n", "1", "40"),
        categorical("k", "a", "b", "c"),
    )
    trials = carried_out(asked_for(*space), mixed, 40, 4)
    best = min(trials, key=lambda trial: mixed(trial.assignments)).assignments
    assert (best["k"], best["n"]) == ("b", "17")
    assert mixed(best) < 0.05


def test_noise_does_not_lead_it_away() -> None:
    """By the true value of what was tried last: the best-looking trial is the luckiest one."""
    rng = random.Random(0)
    trials = carried_out(asked_for(*PLANE), lambda point: bowl(point) + rng.gauss(0, 0.3), 45)
    assert statistics.median(bowl(trial.assignments) for trial in trials[30:]) < 0.3


def test_a_region_of_failures_is_left_alone() -> None:
    def half(point: Mapping[str, str]) -> float | None:
        return None if float(point["x"]) < 0.2 else bowl(point)

    trials = carried_out(asked_for(*PLANE), half, 40, 4)
    failed = [trial.condition is TrialCondition.FAILED for trial in trials]
    assert sum(failed[20:]) <= 6, "40 % of the space fails, and the best of it is at its border"
    assert least(trials, half) < 0.05


def test_failures_by_accident_change_little() -> None:
    rng = random.Random(1)
    trials = carried_out(asked_for(*PLANE), lambda point: None if rng.random() < 0.3 else bowl(point), 30)
    assert least(trials, bowl) < 0.02


@pytest.mark.parametrize(
    "value",
    [
        lambda place: 0.5,
        lambda place: 1e308 * (-1) ** place,
        lambda place: 1e-300 * place,
        lambda place: 10.0 ** (place * 20 % 600 - 300),
        lambda place: 1e15 + place % 2,
    ],
    ids=["a plateau", "the largest", "the smallest", "of all sizes", "differences near rounding"],
)
def test_any_finite_values_are_borne(value: Callable[[int], float]) -> None:
    asked = asked_for(*PLANE)
    trials: list[Trial] = []
    for place in range(15):
        trials += trials_of(suggest(asked, trials, 1), TrialCondition.SUCCEEDED, repr(value(place)))
    assert len({tuple(trial.assignments.items()) for trial in trials}) == 15


def test_a_batch_is_the_same_as_calls_that_see_each_other() -> None:
    asked = asked_for(*PLANE, integer("n", "1", "9"))
    ended = carried_out(asked, bowl, 12)
    shown = list(ended)
    for _ in range(4):
        shown += trials_of(suggest(asked, shown, 1))
    assert [trial.assignments for trial in shown[12:]] == suggest(asked, ended, 4)


def test_calls_that_do_not_see_each_other_differ_when_the_caller_says_how_many_there_were() -> None:
    asked = asked_for(*PLANE)
    ended = carried_out(asked, bowl, 12)
    batch = suggest(asked, ended, 3, issued=12)
    assert [suggest(asked, ended, 1, issued=12 + place)[0] for place in range(3)] == batch


def test_points_in_flight_keep_their_distance() -> None:
    asked = asked_for(*PLANE)
    points = suggest(asked, carried_out(asked, bowl, 9), 4)
    places = [(float(point["x"]), float(point["y"])) for point in points]
    assert min(math.dist(a, b) for i, a in enumerate(places) for b in places[:i]) > 0.01


def test_many_trials_more_do_not_make_it_worse() -> None:
    """Beyond what a model holds, the best and a cross-section of the rest stand for all."""
    rng = random.Random(0)
    asked = asked_for(*PLANE)
    points = [{"x": repr(rng.uniform(-1, 2)), "y": repr(rng.uniform(-1, 2))} for _ in range(900)]
    known = [Trial(f"t{i}", p, TrialCondition.SUCCEEDED, {"loss": repr(bowl(p))}) for i, p in enumerate(points)]
    found = [bowl(point) for point in suggest(asked, known, 3)]
    assert min(found) < min(bowl(point) for point in points)


def test_settings_of_katibs_own_services_are_taken() -> None:
    skopt = {
        "base_estimator": "RF", "n_initial_points": "5", "acq_func": "gp_hedge", "acq_optimizer": "lbfgs",
        "random_state": "10",
    }  # fmt: skip
    tpe = {"n_startup_trials": "5", "n_ei_candidates": "24", "gamma": "0.25", "prior_weight": "1.0", "seed": "1"}
    for settings in (skopt, tpe, {"n_EI_candidates": "24"}):
        validate(experiment("bayesian", *PLANE, settings=settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"n_initial_points": "-1"},
        {"acq_func": "EI "[::-1] + "x"},
        {"base_estimator": "SVM"},
        {"gamma": "1"},
        {"gamma": "nan"},
        {"prior_weight": "much"},
        {"xi": "1"},
    ],
)
def test_settings_without_sense_are_refused(settings: dict[str, str]) -> None:
    (problem,) = problems_of(experiment("bayesian", *PLANE, settings=settings))
    assert next(iter(settings)) in problem


def test_the_number_of_initial_points_is_a_setting() -> None:
    """Those are spread, whatever the results say."""
    asked = experiment("bayesian", *PLANE, settings={"n_initial_points": "12", "random_state": "0"})
    well, badly = (
        carried_out(asked, function, 12) for function in (bowl, lambda point: -bowl(point))
    )  # fmt: skip
    assert [trial.assignments for trial in well] == [trial.assignments for trial in badly]
    assert suggest(asked, well, 1) != suggest(asked, badly, 1)
