"""The Python API: every problem of an experiment at once, settings as Katib has them, no numpy where none is needed."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from katib_suggestions.algorithms import ALGORITHMS, algorithm_names
from katib_suggestions.algorithms.settings import SettingsTable, one_of, read_settings, whole
from katib_suggestions.search_space import InvalidExperiment, SearchSpace
from katib_suggestions.service import suggest, validate, within_space
from tests.katib_suggestions.generated import double, experiment, integer, problems_of

ONE = integer("n", "1", "9")


def test_problems_of_space_settings_and_budget_come_together() -> None:
    assert problems_of(
        experiment("grid", double("x", "2", "1"), ONE, settings={"random_state": "-1", "gamma": "1"})
    ) == (
        "parameter 'x': min is above max: 2 > 1",
        "setting 'gamma' is unknown; known are: random_state, seed",
        "setting 'random_state' must be an integer, at least 0, but is '-1'",
    )
    assert problems_of(experiment("grid", ONE, settings={"seed": "x"}, max_trials=10)) == (
        "setting 'seed' must be an integer, at least 0, but is 'x'",
        "Max Trial Count: 10 > all possible search combinations: 9",
    )


@pytest.mark.parametrize(("asked", "left"), [(100, 9), (9, 9), (4, 4), (None, None)])
def test_a_budget_can_be_kept_within_the_space(asked: int | None, left: int | None) -> None:
    """For callers who end an experiment when all points have been tried, and so may ask for more than there are."""
    within = within_space(experiment("grid", ONE, max_trials=asked), SearchSpace.of([ONE]))
    assert within.max_trials == left
    validate(within)
    endless = experiment("random", double("x", "0", "1"), max_trials=asked)
    assert within_space(endless, SearchSpace.of(endless.parameters)) == endless


def test_an_unknown_algorithm_is_told_with_those_there_are() -> None:
    assert problems_of(experiment("hyperband", ONE)) == (
        "unknown algorithm 'hyperband'; known are random, grid, bayesianoptimization",
    )


@pytest.mark.parametrize("algorithm", ["random", "grid"])
def test_suggest_refuses_what_validate_refuses(algorithm: str) -> None:
    """The controller does not validate again after a restart; the answer to nonsense would be nonsense."""
    for wrong in (experiment(algorithm, double("x", "1", "0")), experiment(algorithm, ONE, settings={"gamma": "1"})):
        with pytest.raises(InvalidExperiment) as found:
            suggest(wrong, [], 1)
        assert found.value.problems == problems_of(wrong)


def test_a_grid_without_a_step_is_refused_by_suggest_too() -> None:
    """A caller without a validation of its own must hear of its mistake, not of a fault of ours."""
    with pytest.raises(InvalidExperiment, match="'x': grid needs a step"):
        suggest(experiment("grid", ONE, double("x", "0", "1")), [], 1)


@pytest.mark.parametrize("name", ["n_initial_points", "n_startup_trials"])
@pytest.mark.parametrize("number", ["0", "10001"])
def test_every_number_of_initial_points_that_katib_takes_is_taken(name: str, number: str) -> None:
    asked = experiment("bayesianoptimization", ONE, settings={name: number})
    validate(asked)
    assert len(suggest(asked, [], 2)) == 2


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "", "nan", "1" * 21])
def test_random_state_is_an_integer_from_zero_up(text: str) -> None:
    for name in ("random_state", "seed"):
        assert problems_of(experiment("random", ONE, settings={name: text})) == (
            f"setting {name!r} must be an integer, at least 0, but is {text!r}",
        )
    assert problems_of(experiment("random", ONE, settings={"random_state": " 42 "})) == ()


def test_seed_and_random_state_may_not_differ() -> None:
    assert problems_of(experiment("random", ONE, settings={"random_state": "1", "seed": "1"})) == ()
    assert problems_of(experiment("random", ONE, settings={"random_state": "1", "seed": "2"})) == (
        "settings 'seed' and 'random_state' are the same, but their values differ",
    )


def test_a_setting_without_effect_is_logged_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="katib_suggestions"):
        validate(experiment("grid", ONE, settings={"random_state": "3"}))
    assert [record.getMessage() for record in caplog.records] == [
        "setting random_state of experiment an-experiment has no effect: "
        "the grid is walked in a fixed order, without chance"
    ]


def test_a_table_reads_aliases_choices_and_bounds() -> None:
    table = SettingsTable(
        {"method": one_of("GP", "RF"), "points": whole(1, 100)}, {"n": "points"}, {"method": "reason"}
    )
    read = read_settings(table, {"n": "5", "method": "RF"})
    assert (read.parsed, read.ignored, read.problems) == ({"points": 5, "method": "RF"}, {"method": "reason"}, ())
    assert read_settings(table, {"points": "101", "method": "XX"}).problems == (
        "setting 'method' must be one of GP, RF, but is 'XX'",
        "setting 'points' must be an integer, from 1 to 100, but is '101'",
    )


@pytest.mark.parametrize("count", [-1, 100_001])
def test_a_count_that_makes_no_sense_is_refused(count: int) -> None:
    with pytest.raises(InvalidExperiment, match="points asked for"):
        suggest(experiment("random", ONE), [], count)


def test_no_point_may_be_asked_for() -> None:
    assert suggest(experiment("random", ONE), [], 0) == []


def test_bayesian_has_the_name_of_katib_and_a_short_one() -> None:
    assert "bayesian" in ALGORITHMS
    assert list(ALGORITHMS) == ["random", "grid", "bayesianoptimization"]
    assert algorithm_names() == ("random", "grid", "bayesianoptimization", "bayesian")


def test_random_and_grid_never_load_numpy() -> None:
    """It is a third of the memory of an idle service, which Katib limits to 100 MiB by default."""
    program = """
import sys
from katib_suggestions.service import suggest, validate
from katib_suggestions.experiment import Experiment, Objective, Parameter, ParameterType
for algorithm in ("random", "grid"):
    e = Experiment("e", (Parameter("n", ParameterType.INT, "1", "9"),), Objective.MINIMIZE, "loss", algorithm)
    validate(e), suggest(e, [], 3)
print([name for name in ("numpy", "grpc", "structlog", "google.protobuf") if name in sys.modules])
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
