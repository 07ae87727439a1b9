"""What every algorithm owes a controller, whatever the experiment and whatever has become of its trials."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from katib_suggestions.algorithms import ALGORITHMS
from katib_suggestions.experiment import Experiment
from katib_suggestions.search_space import SearchSpace
from katib_suggestions.service import suggest, validate
from katib_suggestions.trial import Trial, TrialCondition
from tests.katib_suggestions.generated import (
    FOREIGN,
    categorical,
    double,
    experiment,
    experiments,
    histories,
    integer,
    results,
    trials_of,
)

every_algorithm = pytest.mark.parametrize("algorithm", list(ALGORITHMS))
# A model may be fitted for each example: fewer of them, and no time limit for one.
SETTINGS = {
    name: settings(
        max_examples=100 if name in ("random", "grid") else 15,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    for name in ALGORITHMS
}


def for_any(algorithm: str, check: Callable[[st.DataObject], None]) -> None:
    SETTINGS[algorithm](given(st.data())(check))()


def answers_are_new(space: SearchSpace, before: Sequence[Trial], answers: Sequence[dict[str, str]]) -> None:
    """In the space, in its spelling, and as many of them new as the space has left."""
    points = [space.read(answer) for answer in answers]
    assert all(
        point is not None and space.write(point) == answer for point, answer in zip(points, answers, strict=True)
    )
    seen = {space.read(trial.assignments) for trial in before} - {None}
    left = len(answers) if space.size is None else min(len(answers), space.size - len(seen))
    assert len(set(points) - seen) == left
    assert len(set(points[:left]) - seen) == left, "the new ones come before any repetition"


@every_algorithm
def test_the_answer_has_the_exact_count_within_the_space_and_new_as_long_as_there_is_anything_new(
    algorithm: str,
) -> None:
    def check(data: st.DataObject) -> None:
        asked = data.draw(experiments(algorithm))
        validate(asked)
        trials = data.draw(histories(asked))
        count = data.draw(st.integers(0, 12))
        answers = suggest(asked, trials, count)
        assert len(answers) == count
        answers_are_new(SearchSpace.of(asked.parameters), trials, answers)

    for_any(algorithm, check)


@every_algorithm
def test_the_same_trials_in_any_order_and_under_any_names_give_the_same_answer(algorithm: str) -> None:
    def check(data: st.DataObject) -> None:
        asked = data.draw(experiments(algorithm))
        trials = data.draw(histories(asked, most=12))
        first = suggest(asked, trials, 3)
        assert suggest(asked, trials, 3) == first, "a retry"
        renamed = [replace(trial, name=f"other-{place}") for place, trial in enumerate(trials)]
        assert suggest(asked, data.draw(st.permutations(renamed)), 3) == first

    for_any(algorithm, check)


@every_algorithm
def test_trials_of_another_experiment_change_nothing(algorithm: str) -> None:
    def check(data: st.DataObject) -> None:
        asked = data.draw(experiments(algorithm))
        own = [trial for trial in data.draw(histories(asked, most=12)) if trial.assignments != FOREIGN]
        foreign = [
            Trial("foreign", assignments, data.draw(st.sampled_from(tuple(TrialCondition))), {"loss": "0"})
            for assignments in (
                FOREIGN,
                {},
                {"p0": "no such value, nowhere"},
                {**(own[0].assignments if own else {}), "q": "1"},
            )
        ]
        assert suggest(asked, [*foreign, *own], 3) == suggest(asked, own, 3)

    for_any(algorithm, check)


@every_algorithm
def test_a_result_that_says_nothing_is_as_a_failure_and_a_failure_has_no_result(algorithm: str) -> None:
    def check(data: st.DataObject) -> None:
        asked = data.draw(experiments(algorithm))
        others = data.draw(histories(asked, most=8))
        assume(others)
        odd, rest = others[0], others[1:]
        failed = replace(odd, condition=TrialCondition.FAILED, metrics={})
        expected = suggest(asked, [failed, *rest], 2)
        for condition in (TrialCondition.KILLED, TrialCondition.METRICS_UNAVAILABLE, TrialCondition.FAILED):
            value = data.draw(results())
            assert suggest(asked, [replace(odd, condition=condition, metrics={"loss": value}), *rest], 2) == expected
        for condition in (TrialCondition.SUCCEEDED, TrialCondition.EARLY_STOPPED):
            for metrics in (
                {},
                {"other": "1"},
                {"loss": data.draw(st.sampled_from(("nan", "-inf", "unavailable", "")))},
            ):
                assert suggest(asked, [replace(odd, condition=condition, metrics=metrics), *rest], 2) == expected

    for_any(algorithm, check)


@every_algorithm
@pytest.mark.parametrize("batch", [1, 4])
def test_a_finite_space_is_visited_point_by_point_to_its_end(algorithm: str, batch: int) -> None:
    """With all that was given visible as running, failed or succeeded: nothing twice, nothing left out."""
    asked = experiment(algorithm, integer("n", "1", "8", distribution="logNormal"), categorical("k", "a", "b", "c"))
    conditions = (TrialCondition.RUNNING, TrialCondition.FAILED, TrialCondition.SUCCEEDED, TrialCondition.EARLY_STOPPED)
    trials: list[Trial] = []
    for place in range(24 // batch):
        answers = suggest(asked, trials, batch)
        trials += trials_of(answers, conditions[place % len(conditions)], str(place))
    assert len({tuple(trial.assignments.items()) for trial in trials}) == 24
    again = suggest(asked, trials, 30)
    assert len(again) == 30
    assert suggest(asked, trials, 30) == again


MIXED = (
    double("lr", "1e-5", "0.1", distribution="logUniform"),
    integer("n", "1", "64", "3", "normal"),
    categorical("k", "a", "b"),
)


def run_of(algorithm: str, calls: int) -> list[dict[str, str]]:
    """An experiment as a controller leads it: two points at a time, ended ones shown with results, names by chance."""
    finite = (double("lr", "0.1", "0.9", "0.1", "logUniform"), *MIXED[1:])
    asked = experiment(algorithm, *(finite if algorithm == "grid" else MIXED), settings={"random_state": "3"})
    trials: list[Trial] = []
    for _ in range(calls):
        answers = suggest(asked, random.sample(trials, len(trials)), 2)
        for place, answer in enumerate(answers):
            ended = place == 0
            condition = TrialCondition.SUCCEEDED if ended else TrialCondition.RUNNING
            metrics = {"loss": str(float(answer["lr"]) * int(answer["n"]))} if ended else {}
            trials.append(Trial(f"by-chance-{random.random()}", answer, condition, metrics))
    return [dict(trial.assignments) for trial in trials]


@every_algorithm
def test_with_random_state_the_whole_experiment_comes_again_in_other_processes(algorithm: str) -> None:
    """Each process has another order of sets and other trial names: what a restarted pod has, too."""
    program = f"import json; from {__name__} import run_of; print(json.dumps(run_of({algorithm!r}, 8)))"
    runs = []
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
        )
        runs.append(json.loads(done.stdout))
    assert runs[0] == runs[1] == run_of(algorithm, 8)


@every_algorithm
def test_another_random_state_gives_other_points_unless_the_order_is_fixed(algorithm: str) -> None:
    asked = experiment(algorithm, integer("n", "1", "1000"))
    by_state = {suggest(replace(asked, settings={"random_state": str(state)}), [], 1)[0]["n"] for state in range(20)}
    assert len(by_state) > 1 or algorithm == "grid"


@every_algorithm
def test_seed_is_another_name_of_random_state(algorithm: str) -> None:
    asked = experiment(algorithm, integer("n", "1", "1000"))
    seeded: list[Experiment] = [replace(asked, settings={name: "5"}) for name in ("seed", "random_state")]
    assert suggest(seeded[0], [], 5) == suggest(seeded[1], [], 5)


@every_algorithm
def test_one_batch_or_call_after_call_gives_points_that_all_differ(algorithm: str) -> None:
    """Katib's bayesianoptimization and tpe give one point several times when nothing has ended in between."""
    asked = experiment(algorithm, integer("n", "1", "10000"), double("x", "0", "1", "0.01"))
    done = trials_of(suggest(asked, [], 6), TrialCondition.SUCCEEDED, "1")
    shown = list(done)
    for _ in range(4):
        shown += trials_of(suggest(asked, shown, 1))
    batch = trials_of(suggest(asked, done, 4))
    for trials in (shown, [*done, *batch]):
        assert len({tuple(trial.assignments.items()) for trial in trials}) == 10
