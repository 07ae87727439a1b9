"""What each condition of a trial, and each text of a result, means to an algorithm."""

import pytest

from katib_suggestions.experiment import Objective
from katib_suggestions.history import History, Observed, history
from katib_suggestions.search_space import SearchSpace
from katib_suggestions.trial import Trial, TrialCondition
from tests.katib_suggestions.generated import experiment, integer

PARAMETER = integer("n", "1", "9")
ASKED = experiment("random", PARAMETER)
SPACE = SearchSpace.of([PARAMETER])


def read(*trials: Trial, objective: Objective = Objective.MINIMIZE) -> History:
    return history(experiment("random", PARAMETER, objective=objective), SPACE, trials)


def trial(n: str, condition: TrialCondition, **metrics: str) -> Trial:
    return Trial(f"trial-{n}", {"n": n}, condition, metrics)


def test_a_result_is_observed_with_smaller_as_better() -> None:
    done = trial("3", TrialCondition.SUCCEEDED, loss="0.25", accuracy="9")
    assert read(done).observed == (Observed((3,), 0.25),)
    assert read(done, objective=Objective.MAXIMIZE).observed == (Observed((3,), -0.25),)


def test_what_an_early_stopped_trial_has_reached_counts_as_its_result() -> None:
    assert read(trial("3", TrialCondition.EARLY_STOPPED, loss="7")).observed == (Observed((3,), 7.0),)
    assert read(trial("3", TrialCondition.EARLY_STOPPED)).failed == ((3,),)


@pytest.mark.parametrize("condition", [TrialCondition.CREATED, TrialCondition.RUNNING, TrialCondition.UNKNOWN])
def test_a_trial_under_way_is_pending_whatever_it_has_reported(condition: TrialCondition) -> None:
    assert read(trial("3", condition, loss="7")) == History((), ((3,),), (), 0)


@pytest.mark.parametrize(
    "condition", [TrialCondition.FAILED, TrialCondition.KILLED, TrialCondition.METRICS_UNAVAILABLE]
)
def test_a_trial_that_broke_off_gives_no_result(condition: TrialCondition) -> None:
    assert read(trial("3", condition, loss="7")) == History((), (), ((3,),), 0)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "Infinity", "unavailable", "", "0,5"])
def test_a_success_without_a_finite_value_is_a_failure(value: str) -> None:
    assert read(trial("3", TrialCondition.SUCCEEDED, loss=value)).failed == ((3,),)


def test_only_the_objectives_metric_counts() -> None:
    assert read(trial("3", TrialCondition.SUCCEEDED, accuracy="1")).failed == ((3,),)


def test_trials_of_another_space_are_counted_and_left_aside() -> None:
    foreign = Trial("other", {"n": "10"}, TrialCondition.SUCCEEDED, {"loss": "0"})
    found = read(foreign, trial("3", TrialCondition.RUNNING))
    assert found == History((), ((3,),), (), 1)
    assert found.seen == {(3,)}


def test_one_point_may_have_several_results() -> None:
    """A repeated trial tells about noise; none is thrown away."""
    found = read(*(trial("3", TrialCondition.SUCCEEDED, loss=value) for value in ("2", "1", "2")))
    assert [each.value for each in found.observed] == [1, 2, 2]


def test_the_order_is_that_of_the_points() -> None:
    trials = [trial(n, TrialCondition.SUCCEEDED, loss=n) for n in ("5", "1", "9", "2")]
    assert read(*trials) == read(*reversed(trials))
    assert [each.point for each in read(*trials).observed] == [(1,), (2,), (5,), (9,)]
