"""Tunings as authors write them, in Katib's words and in those of the API; and what is told of their results."""

from typing import Any

import pytest

from katib_suggestions import service
from katib_suggestions.experiment import Distribution, Parameter, ParameterType
from kfp_components.easymaker.runs.program import Program
from kfp_components.easymaker.tune.plan import Goal, Search, TrialResult, Tuning, TuningInvalid, TuningResult
from kfp_components.easymaker.tune.search_space import InvalidSearchSpace, fixed, parameters, wire

SPACE = {
    "rate": {"type": "double", "min": 0.001, "max": 1.0, "distribution": "logUniform"},
    "layers": {"type": "int", "min": 1.0, "max": 4.0, "step": 1.0},
    "width": {"type": "discrete", "values": [16.0, 32.0]},
    "optimizer": {"values": ["sgd", "adam"]},
}


def tuning(**changes: Any) -> Tuning:
    search = {name: changes.pop(name) for name in list(changes) if name in Search.__dataclass_fields__}
    return Tuning(Program("nas://v:/s", "t.py"), Goal("loss", **changes), Search(SPACE, **search))


def test_json_numbers_become_the_texts_that_katib_carries() -> None:
    assert parameters(SPACE) == (
        Parameter("rate", ParameterType.DOUBLE, "0.001", "1", distribution=Distribution.LOG_UNIFORM),
        Parameter("layers", ParameterType.INT, "1", "4", "1"),
        Parameter("width", ParameterType.DISCRETE, list=("16", "32")),
        Parameter("optimizer", ParameterType.CATEGORICAL, list=("sgd", "adam")),
    )


def test_the_suggestions_take_every_plan() -> None:
    for algorithm in ("bayesian", "random"):
        service.validate(tuning(algorithm=algorithm, random_state=7, direction="minimize").experiment())


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({}, "search_space is empty"),
        ({"x": []}, "x: give an object"),
        ({"x": {"typ": "int"}}, "x: typ is none of type, min"),
        ({"x": {"type": "float"}}, "x: type 'float' is none of double"),
        ({"x": {"type": "int", "distribution": "even"}}, "x: distribution 'even'"),
        ({"x": {"values": "sgd,adam"}}, "x: values must be a list"),
    ],
)
def test_a_space_that_cannot_be_read_is_told(space: Any, sentence: str) -> None:
    with pytest.raises(InvalidSearchSpace, match=sentence):
        parameters(space)


def test_the_api_gets_its_own_words_and_is_not_asked_for_what_it_cannot() -> None:
    plain = parameters({name: each for name, each in SPACE.items() if name != "rate"})
    assert wire((*plain, *fixed({"epochs": "3"}))) == [
        {
            "hyperparameterName": "layers",
            "hyperparameterTypeCode": "int",
            "hyperparameterMinValue": "1",
            "hyperparameterMaxValue": "4",
            "hyperparameterStep": "1",
        },
        {
            "hyperparameterName": "width",
            "hyperparameterTypeCode": "discrete",
            "hyperparameterSpecifiedValues": "16,32",
        },
        {
            "hyperparameterName": "optimizer",
            "hyperparameterTypeCode": "categorical",
            "hyperparameterSpecifiedValues": "sgd,adam",
        },
        {
            "hyperparameterName": "epochs",
            "hyperparameterTypeCode": "categorical",
            "hyperparameterSpecifiedValues": "3",
        },
    ]
    with pytest.raises(InvalidSearchSpace, match=r"rate: .* no distribution logUniform"):
        wire(parameters(SPACE))
    with pytest.raises(InvalidSearchSpace, match="a value with a comma"):
        wire(fixed({"shape": "1,2"}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"direction": "up"}, "neither maximize nor minimize"),
        ({"algorithm": "tpe"}, "algorithm is none of bayesian"),
        ({"early_stopping": "hyperband"}, "early_stopping"),
        ({"max_trials": 0}, "max_trials"),
        ({"parallel_trials": 0}, "parallel_trials"),
    ],
)
def test_a_plan_that_makes_no_sense_is_told(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TuningInvalid, match=sentence):
        tuning(**changes)


def test_a_goal_knows_which_way_is_up() -> None:
    up, down = Goal("accuracy", "maximize", 0.9), Goal("loss", "minimize", 0.1)
    assert up.better(0.8, 0.7)
    assert down.better(0.7, 0.8)
    assert [up.reached(0.9), up.reached(0.89), down.reached(0.1), down.reached(0.11)] == [True, False, True, False]
    assert not Goal("loss").reached(1e9)


def test_the_table_has_the_best_trial_first() -> None:
    best = TrialResult("b", "SUCCEEDED", {"x": "2"}, 0.5)
    result = TuningResult([TrialResult("a", "FAILED: no | more", {"x": "1"}), best], best)
    assert result.counts("score") == {"score": 0.5, "trialCount": 2, "successfulTrialCount": 1}
    table = [line for line in result.markdown("score").splitlines() if line.startswith("|")]
    assert table[2] == "| b | SUCCEEDED | 0.5 | 2 |"
    assert table[3] == "| a | FAILED: no \\| more |  | 1 |"
