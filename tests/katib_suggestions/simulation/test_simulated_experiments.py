"""A simulated experiment is what the controller would make of it: parallel, stopped, ended and counted alike."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from katib_suggestions.experiment import Experiment, Objective, Parameter, ParameterType
from katib_suggestions.experiment_yaml import Declared
from katib_suggestions.search_space import InvalidExperiment
from katib_suggestions.simulation import objectives, simulate
from katib_suggestions.simulation.report import as_csv, as_json, as_svg, best_so_far
from katib_suggestions.trial import TrialCondition as Is

REPOSITORY = Path(__file__).parents[3]

LR = Parameter("lr", ParameterType.DOUBLE, "0.1", "1.0")
KIND = Parameter("kind", ParameterType.CATEGORICAL, list=("a", "b"))


def declared(**changes: Any) -> Declared:
    given = {
        "name": "simulated", "parameters": (LR,), "objective": Objective.MINIMIZE, "metric": "loss",
        "algorithm": "random", "max_trials": 10, "parallel_trials": 3,
    }  # fmt: skip
    return Declared(Experiment(**(given | changes)))


def test_as_many_run_side_by_side_as_may_and_no_more_in_all() -> None:
    seen: list[int] = []
    running = 0

    def objective(values: objectives.Values) -> Iterator[float]:
        nonlocal running
        running += 1
        for _ in range(3):
            seen.append(running)
            yield values["lr"]
        running -= 1

    result = simulate(declared(), objective)
    assert (len(result.trials), max(seen), result.ending) == (10, 3, "MaxTrialsReached")
    assert {each.condition for each in result.trials} == {Is.SUCCEEDED}
    assert result.best is min(result.trials, key=lambda each: each.value or math.inf)


def test_a_reached_goal_ends_what_still_runs() -> None:
    def objective(values: objectives.Values) -> Iterator[float]:
        yield 1.0
        if values["lr"] < 0.7:
            yield 0.0
            return
        yield from [1.0] * 20

    result = simulate(declared(goal=0.0, max_trials=30), objective)
    assert result.ending == "GoalReached"
    assert [each.condition for each in result.trials].count(Is.SUCCEEDED) >= 1
    assert all(each.condition in (Is.SUCCEEDED, Is.KILLED) for each in result.trials)


def test_failures_are_counted_told_and_end_it() -> None:
    def objective(values: objectives.Values) -> float:
        raise ValueError(f"no {values['kind']}")

    result = simulate(declared(parameters=(LR, KIND), max_failed_trials=4), objective)
    assert (result.ending, result.ending.succeeded, result.best) == ("MaxFailedTrialsReached", False, None)
    assert {each.reason for each in result.trials if each.condition is Is.FAILED} <= {
        "ValueError: no a", "ValueError: no b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"accuracy": 1.0}, Is.METRICS_UNAVAILABLE),
        ([], Is.METRICS_UNAVAILABLE),
        (None, Is.FAILED),
        ("0.5", Is.FAILED),
        ([{"loss": "0.5"}], Is.FAILED),
        (True, Is.FAILED),
        (2, Is.SUCCEEDED),
        ([3.0, math.nan, 2.0], Is.SUCCEEDED),
        ([{"loss": 1.0}, {"accuracy": 0.5}], Is.SUCCEEDED),
    ],
)
def test_what_a_function_may_give(given: Any, condition: Is) -> None:
    result = simulate(declared(max_trials=1), lambda values: given)
    assert result.trials[0].condition is condition


def test_median_stopping_ends_the_bad_ones_early_and_keeps_the_best() -> None:
    def objective(values: objectives.Values) -> Iterator[float]:
        yield from (4 * values["lr"] + 1 / step for step in range(1, 21))

    plain = declared(parallel_trials=2, max_trials=20)
    stopped = declared(
        parallel_trials=2,
        max_trials=20,
        early_stopping="medianstop",
        early_stopping_settings={"min_trials_required": "2", "start_step": "5"},
    )
    whole, early = simulate(plain, objective), simulate(stopped, objective)
    ended = [each for each in early.trials if each.condition is Is.EARLY_STOPPED]
    assert ended
    assert all(len(each.values["loss"]) == 5 for each in ended)
    assert early.steps < whole.steps
    assert early.best is not None
    assert whole.best is not None
    assert early.best.assignments == whole.best.assignments


def test_a_grid_ends_when_all_has_been_tried() -> None:
    parameters = (Parameter("n", ParameterType.INT, "1", "3"), KIND)
    result = simulate(declared(algorithm="grid", parameters=parameters, max_trials=None), lambda values: values["n"])
    assert result.ending == "SuggestionEndReached"
    assert len({tuple(each.assignments.items()) for each in result.trials}) == 6


def test_values_come_typed() -> None:
    parameters = (
        LR,
        KIND,
        Parameter("n", ParameterType.INT, "1", "3"),
        Parameter("d", ParameterType.DISCRETE, list=("1", "2.5")),
    )
    seen: list[dict[str, Any]] = []
    simulate(declared(parameters=parameters), lambda values: seen.append(dict(values)) or 1.0)
    assert {type(each["lr"]) for each in seen} == {float}
    assert {type(each["kind"]) for each in seen} == {str}
    assert {type(each["n"]) for each in seen} == {int}
    assert {each["d"] for each in seen} <= {1, 2.5}


def test_what_would_never_end_is_refused() -> None:
    with pytest.raises(InvalidExperiment, match="maxTrialCount"):
        simulate(declared(max_trials=None), lambda values: 1.0)


def test_the_reports_tell_the_same() -> None:
    result = simulate(declared(objective=Objective.MAXIMIZE), lambda values: {"loss": -values["lr"], "other": 1})
    told = json.loads(as_json(result))
    assert [each["value"] for each in told["trials"]] == [each.value for each in result.trials]
    assert len(as_csv(result).splitlines()) == 11
    best = [value for _, value in best_so_far(result)]
    assert best == sorted(best)
    assert best[-1] == result.best.value if result.best else False
    assert as_svg(result).count("<circle") == 10


TRAINING = """
def loss(values):
    for step in range(1, 4):
        yield {"loss": (values["lr"] - 0.5) ** 2 + 1 / step}

def broken(values):
    raise RuntimeError("out of memory")
"""
YAML = {
    "apiVersion": "kubeflow.org/v1beta1",
    "kind": "Experiment",
    "metadata": {"name": "by-command"},
    "spec": {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "maxTrialCount": 5,
        "maxFailedTrialCount": 2,
        "parameters": [{"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "1"}}],
    },
}


@pytest.fixture
def command(tmp_path: Path) -> Any:
    (tmp_path / "training.py").write_text(TRAINING)
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(YAML))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "katib_suggestions", "simulate", *arguments]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    return run


def test_the_command_shows_trials_and_the_best(command: Any, tmp_path: Path) -> None:
    shown = command("experiment.yaml", "--objective", "training:loss", "--plot", "plot.svg")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.count("SUCCEEDED            loss=") == 6  # five trials, and the best once more
    assert "MaxTrialsReached after 5 trials (5 SUCCEEDED)" in shown.stdout
    assert (tmp_path / "plot.svg").read_text().startswith("<svg")
    again = command("experiment.yaml", "--objective", "training:loss", "--format", "json")
    assert len(json.loads(again.stdout)["trials"]) == 5


def test_a_picture_that_cannot_be_written_does_not_take_the_result_along(command: Any) -> None:
    shown = command("experiment.yaml", "--objective", "training:loss", "--plot", "nowhere/plot.svg")
    assert (shown.returncode, "MaxTrialsReached" in shown.stdout) == (2, True)
    assert "nowhere/plot.svg: No such file or directory" in shown.stderr


def test_a_failed_experiment_has_an_exit_code_of_its_own(command: Any) -> None:
    shown = command("experiment.yaml", "--objective", "training:broken")
    assert shown.returncode == 1
    assert "RuntimeError: out of memory" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("none.yaml", "--objective", "training:loss"), "simulate: none.yaml: No such file or directory\n"),
        (("training.py", "--objective", "training:loss"), "no documents of kind Experiment"),
        (("experiment.yaml", "--objective", "training"), "module:function"),
        (("experiment.yaml", "--objective", ".training:loss"), "module:function"),
        (("experiment.yaml", "--objective", "nothing:loss"), "No module named 'nothing'"),
        (("experiment.yaml", "--objective", "training:gain"), "no function gain"),
        (("experiment.yaml", "--objective", "training:loss", "--algorithm", "cmaes"), "unknown algorithm 'cmaes'"),
        (("experiment.yaml", "--objective", "training:loss", "--max-trials", "0"), "no whole number from 1"),
        (("experiment.yaml", "--objective", "training:loss", "--address", "unix:/nowhere.sock"), "unix:/nowhere.sock"),
    ],
)
def test_mistakes_are_told_without_a_traceback(command: Any, arguments: tuple[str, ...], told: str) -> None:
    shown = command(*arguments)
    assert shown.returncode == 2
    assert told in shown.stderr
    assert "Traceback" not in shown.stderr
