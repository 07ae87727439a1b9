"""Which trials there are and when a tuning is over: Katib's rules, and what holds whatever trials come to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.engines.local.tuning import ledger
from adapters.easymaker.engines.local.tuning.decide import Limits, count, end, missing, value
from adapters.easymaker.engines.local.tuning.ledger import Ledger, Reduced, Trial
from katib_suggestions.experiment import Objective
from katib_suggestions.trial import TrialCondition

ENDS = [
    TrialCondition.SUCCEEDED,
    TrialCondition.FAILED,
    TrialCondition.KILLED,
    TrialCondition.METRICS_UNAVAILABLE,
    TrialCondition.EARLY_STOPPED,
]


def limits(**changes: Any) -> Limits:
    return Limits(**{"metric": "loss", "objective": Objective.MINIMIZE, "parallel": 2} | changes)


def trial(number: int, condition: TrialCondition = TrialCondition.CREATED, loss: str | None = None) -> Trial:
    metrics = {} if loss is None else {"loss": Reduced(loss, loss, loss)}
    return Trial(number, f"t-{number:04d}", {"x": str(number)}, condition=condition, metrics=metrics)


def of(*trials: Trial) -> Ledger:
    return Ledger({each.number: each for each in trials})


def detail(found: ledger.End | None) -> str:
    return found.detail if found else ""


SUCCEEDED, FAILED = TrialCondition.SUCCEEDED, TrialCondition.FAILED
UNAVAILABLE, EARLY = TrialCondition.METRICS_UNAVAILABLE, TrialCondition.EARLY_STOPPED


@pytest.mark.parametrize(
    ("trials", "given", "expected"),
    [
        ([], {}, ""),
        ([trial(1, SUCCEEDED, "0.5")], {"goal": 0.5}, "GoalReached"),
        ([trial(1, SUCCEEDED, "0.6")], {"goal": 0.5}, ""),
        ([trial(1, EARLY, "0.4")], {"goal": 0.5}, "GoalReached"),
        ([trial(1, FAILED, "0.4")], {"goal": 0.5}, ""),
        ([trial(1, TrialCondition.RUNNING, "0.4")], {"goal": 0.5}, ""),
        ([trial(1, SUCCEEDED, "nan")], {"goal": 0.5}, ""),
        ([trial(1, SUCCEEDED, "-inf")], {"goal": 0.5}, "GoalReached"),
        ([trial(1, SUCCEEDED, "0.6")], {"goal": 0.5, "objective": Objective.MAXIMIZE}, "GoalReached"),
        ([trial(1, FAILED)], {"most_failed": 2}, ""),
        ([trial(1, FAILED), trial(2, UNAVAILABLE)], {"most_failed": 2}, "MaxFailedTrialsReached"),
        ([], {"most_failed": 0}, ""),
        ([trial(1, FAILED)], {"most_failed": 0}, "MaxFailedTrialsReached"),
        ([trial(1, FAILED), trial(2, SUCCEEDED, "0.4")], {"most_failed": 1, "goal": 0.5}, "GoalReached"),
        ([trial(1, FAILED), trial(2, FAILED)], {"most_failed": 2, "most_trials": 2}, "MaxFailedTrialsReached"),
        ([trial(1, TrialCondition.KILLED), trial(2, EARLY, "1")], {"most_trials": 2}, "MaxTrialsReached"),
        ([trial(1, SUCCEEDED, "1"), trial(2)], {"points": 2}, ""),
        ([trial(1, SUCCEEDED, "1"), trial(2, FAILED)], {"points": 2, "most_trials": 9}, "SuggestionEndReached"),
        ([trial(1, SUCCEEDED, "1"), trial(2, FAILED)], {"points": 2, "most_trials": 2}, "MaxTrialsReached"),
    ],
)
def test_the_end_as_katib_finds_it(trials: list[Trial], given: dict[str, Any], expected: str) -> None:
    assert detail(end(of(*trials), limits(**given))) == expected


def test_only_failures_end_a_tuning_badly() -> None:
    found = end(of(trial(1, FAILED)), limits(most_failed=1))
    assert found is not None
    assert not found.succeeded
    found = end(of(trial(1, SUCCEEDED, "1")), limits(most_trials=1))
    assert found is not None
    assert found.succeeded


def test_the_value_of_a_trial_is_its_best() -> None:
    reduced = {"loss": Reduced("0.1", "0.9", "0.5", 3)}
    one = Trial(1, "t", {}, condition=SUCCEEDED, metrics=reduced)
    assert value(one, limits()) == 0.1
    assert value(one, limits(objective=Objective.MAXIMIZE)) == 0.9
    assert value(one, limits(metric="accuracy")) is None


@pytest.mark.parametrize(
    ("trials", "given", "expected"),
    [
        ([], {}, 2),
        ([trial(1)], {}, 1),
        ([trial(1), trial(2)], {}, 0),
        ([trial(1, SUCCEEDED, "1"), trial(2)], {"most_trials": 2}, 0),
        ([trial(1, SUCCEEDED, "1"), trial(2)], {"most_trials": 3, "parallel": 5}, 1),
        ([trial(1, SUCCEEDED, "1"), trial(2)], {"points": 3, "parallel": 5}, 1),
        ([trial(1, SUCCEEDED, "0.4")], {"goal": 0.5}, 0),
    ],
)
def test_as_many_are_asked_for_as_may_run(trials: list[Trial], given: dict[str, Any], expected: int) -> None:
    assert missing(of(*trials), limits(**given)) == expected


some = st.one_of(st.none(), st.integers(1, 12))


@given(
    bounds=st.builds(
        limits,
        parallel=st.integers(1, 5),
        most_trials=some,
        most_failed=st.one_of(st.none(), st.integers(0, 4)),
        goal=st.one_of(st.none(), st.floats(-1, 1)),
        points=some,
        objective=st.sampled_from(list(Objective)),
    ),
    data=st.data(),
)
def test_whatever_trials_come_to_the_limits_hold_and_there_is_an_end(bounds: Limits, data: st.DataObject) -> None:
    state = Ledger()
    steps = 0
    while (found := end(state, bounds)) is None:
        asked = missing(state, bounds)
        if asked:
            first = len(state.trials) + 1
            state.apply(ledger.created([trial(number) for number in range(first, first + asked)], 0.0))
        active = state.active
        assert active, "nothing runs, nothing is asked for, and it is not over"
        assert len(active) <= bounds.parallel
        assert len(state.trials) <= min(bounds.most_trials or 10_000, bounds.points or 10_000)
        one = data.draw(st.sampled_from(active))
        how = data.draw(st.sampled_from(ENDS))
        loss = data.draw(st.sampled_from(["0.5", "-0.5", "2", "nan", "inf"]))
        state.apply(ledger.ended(trial(one.number, how, loss if how in (SUCCEEDED, EARLY) else None)))
        steps += 1
        if steps > 40:
            assert bounds.most_trials is None
            assert bounds.points is None
            return
    counts = count(state.ordered)
    assert missing(state, bounds) == 0
    assert counts.ended + counts.active == len(state.trials)
    if found.detail == "MaxTrialsReached":
        assert counts.ended == bounds.most_trials
        assert counts.active == 0
    if found.detail == "SuggestionEndReached":
        assert len(state.trials) == bounds.points
