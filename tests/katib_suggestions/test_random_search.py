"""Random search: no repetition however full the space or hidden its trials, at a cost that grows as they do."""

import time

import pytest

from katib_suggestions.experiment import Experiment
from katib_suggestions.service import suggest
from katib_suggestions.trial import Trial, TrialCondition
from tests.katib_suggestions.generated import categorical, double, experiment, integer, trials_of

FIVE = (
    double("lr", "1e-5", "0.1", distribution="logUniform"),
    double("momentum", "0", "1"),
    integer("units", "1", "512"),
    double("dropout", "0", "0.9", "0.05"),
    categorical("optimizer", "sgd", "adam", "ftrl"),
)


def numbers(answers: list[dict[str, str]]) -> list[int]:
    return [int(answer["n"]) for answer in answers]


@pytest.mark.parametrize("distribution", ["uniform", "logUniform", "normal"])
def test_the_last_thousandth_of_a_space_is_found_exactly(distribution: str) -> None:
    asked = experiment("random", integer("n", "1", "10000", distribution=distribution))
    missing = set(range(7, 10_000, 1000))
    seen = trials_of([{"n": str(n)} for n in range(1, 10_001) if n not in missing], TrialCondition.SUCCEEDED, "1")
    answers = numbers(suggest(asked, seen, 10))
    assert set(answers) == missing
    assert answers != sorted(answers), "still by chance"


def test_the_last_points_are_drawn_evenly() -> None:
    """Where draws no longer help, rank does: each of the four unseen points must come up over many experiments."""
    unseen = {1, 500, 501, 1000}
    seen = trials_of([{"n": str(n)} for n in range(1, 1001) if n not in unseen])
    found = [
        suggest(experiment("random", integer("n", "1", "1000"), settings={"seed": str(seed)}), seen, 1)[0]["n"]
        for seed in range(400)
    ]
    assert {int(n) for n in found} == unseen
    assert min(found.count(n) for n in set(found)) > 50


def test_an_improbable_rest_is_found_in_a_space_too_large_to_list() -> None:
    """One point holds nearly all the probability of a normal parameter of three values; twelve of them have 531,441."""
    asked = experiment("random", *(integer(f"n{place}", "1", "3", distribution="normal") for place in range(12)))
    trials = trials_of(suggest(asked, [], 500))
    assert len({tuple(trial.assignments.values()) for trial in trials}) == 500


def test_one_batch_gives_what_single_calls_give() -> None:
    for parameters in (FIVE, (integer("n", "1", "12", distribution="logUniform"),)):
        asked = experiment("random", *parameters)
        trials: list[Trial] = []
        for _ in range(12):
            trials += trials_of(suggest(asked, trials, 1))
        assert [trial.assignments for trial in trials] == suggest(asked, [], 12)


def test_points_whose_trials_are_not_shown_are_not_given_again() -> None:
    asked = experiment("random", *FIVE, settings={"random_state": "1"})
    whole = suggest(asked, [], 10)
    assert suggest(asked, [], 3, issued=7) == whole[7:]
    assert suggest(asked, trials_of(whole[2:5]), 3, issued=7) == whole[7:]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("shown", ["none", "two of three"])
def test_no_point_of_a_small_space_is_given_again_although_its_trial_is_not_shown(batch: int, shown: str) -> None:
    """Katib leaves out trials without metrics for good: where draws collide, only repeating them tells those points."""
    parameters = (categorical("k", "a", "b", "c"), integer("n", "1", "4", distribution="normal"))
    for seed in range(20):
        asked = experiment("random", *parameters, settings={"random_state": str(seed)})
        whole = suggest(asked, [], 24)
        given: list[dict[str, str]] = []
        while len(given) < 24:
            trials = trials_of([each for place, each in enumerate(given) if shown != "none" and place % 3])
            given += suggest(asked, trials, batch, issued=len(given))
        assert len({tuple(each.values()) for each in given[:12]}) == 12
        if shown == "none":
            assert given == whole


def test_trials_of_another_origin_do_not_hide_what_is_left_of_a_space() -> None:
    asked = experiment("random", integer("n", "1", "8"))
    trials = trials_of([{"n": str(n)} for n in range(1, 8)])
    assert suggest(asked, trials, 1, issued=8) == suggest(asked, trials, 1) == [{"n": "8"}]


def test_a_used_up_space_is_drawn_from_anew() -> None:
    asked = experiment("random", integer("n", "1", "4"))
    answers = numbers(suggest(asked, [], 12))
    assert [sorted(answers[start : start + 4]) for start in (0, 4, 8)] == [[1, 2, 3, 4]] * 3
    assert len({tuple(answers[start : start + 4]) for start in (0, 4, 8)}) > 1


def test_without_random_state_each_experiment_has_its_own_points() -> None:
    one = Experiment(**{**vars(experiment("random", *FIVE)), "name": "one"})
    two = Experiment(**{**vars(experiment("random", *FIVE)), "name": "two"})
    assert suggest(one, [], 3) != suggest(two, [], 3)
    assert suggest(one, [], 3) == suggest(one, [], 3)


def cost(trials: int) -> float:
    """CPU seconds for one more point, the best of some."""
    asked = experiment("random", *FIVE)
    shown = trials_of(suggest(asked, [], trials), TrialCondition.SUCCEEDED, "1")
    measured = []
    for _ in range(5):
        start = time.process_time()
        suggest(asked, shown, 1)
        measured.append(time.process_time() - start)
    return min(measured)


def test_the_cost_of_a_point_grows_no_faster_than_the_trials() -> None:
    """Ten times the trials: about ten times the cost. A history searched for every draw would make it a hundred."""
    assert cost(10_000) < 40 * cost(1_000)
