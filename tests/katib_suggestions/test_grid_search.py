"""The grid: its order, its end, and what it refuses before the first trial."""

import itertools

from katib_suggestions.service import suggest
from katib_suggestions.trial import TrialCondition
from tests.katib_suggestions.generated import (
    categorical,
    discrete,
    double,
    experiment,
    integer,
    problems_of,
    trials_of,
)

TEN = (double("x", "0.1", "0.5", "0.1"), categorical("k", "a", "b"))


def test_the_order_is_that_of_nested_loops_and_begins_again_at_its_end() -> None:
    expected = [{"x": x, "k": k} for x in ("0.1", "0.2", "0.3", "0.4", "0.5") for k in ("a", "b")]
    assert suggest(experiment("grid", *TEN), [], 10) == expected
    assert suggest(experiment("grid", *TEN), trials_of(expected), 3) == expected[:3]
    assert suggest(experiment("grid", *TEN), [], 25) == [*expected, *expected, *expected[:5]]


def test_calls_go_on_where_the_last_ended_whatever_their_size() -> None:
    asked = experiment("grid", *TEN)
    whole = suggest(asked, [], 10)
    for sizes in ((1,) * 10, (3, 3, 4), (9, 1)):
        trials = []
        for size in sizes:
            trials += trials_of(suggest(asked, trials, size), TrialCondition.FAILED)
        assert [trial.assignments for trial in trials] == whole


def test_points_whose_trials_are_not_shown_are_not_given_again_before_the_end() -> None:
    """Katib hides trials without metrics, and those that it has not created yet; it says how many it was given."""
    asked = experiment("grid", *TEN)
    whole = suggest(asked, [], 10)
    shown = trials_of([whole[0], whole[2]])
    assert suggest(asked, shown, 2, issued=4) == whole[4:6]
    assert suggest(asked, shown, 8, issued=4) == [*whole[4:], whole[1], whole[3]], "then those nobody has seen"
    assert suggest(asked, trials_of(whole[:8]), 2, issued=0) == whole[8:], "a wrong number does no harm"
    assert suggest(asked, trials_of(whole), 2, issued=12) == whole[2:4]


def test_points_from_elsewhere_are_left_out() -> None:
    asked = experiment("grid", integer("n", "1", "6"))
    warm = trials_of([{"n": "1"}, {"n": "5"}], TrialCondition.SUCCEEDED, "1")
    answers = suggest(asked, warm, 4)
    assert sorted(answer["n"] for answer in answers) == ["2", "3", "4", "6"]


def test_a_grid_of_astronomic_size_is_walked_without_being_laid_out() -> None:
    asked = experiment("grid", *(integer(f"n{place}", "1", "1000000000") for place in range(30)))
    answers = suggest(asked, [], 3)
    assert [answer["n29"] for answer in answers] == ["1", "2", "3"]
    last = suggest(asked, [], 1, issued=10**270 - 1)
    assert set(last[0].values()) == {"1000000000"}


def test_discrete_ascends_and_categories_keep_the_order_of_the_list() -> None:
    asked = experiment("grid", discrete("d", "8", "2", "4"), categorical("k", "z", "a"))
    expected = [{"d": d, "k": k} for d, k in itertools.product(("2", "4", "8"), ("z", "a"))]
    assert suggest(asked, [], 6) == expected


def test_a_budget_beyond_the_end_is_refused_as_katib_refuses_it() -> None:
    assert problems_of(experiment("grid", *TEN, max_trials=10)) == ()
    assert problems_of(experiment("grid", *TEN, max_trials=11)) == (
        "Max Trial Count: 11 > all possible search combinations: 10",
    )


def test_a_double_without_step_is_refused_by_name_unless_it_has_one_value() -> None:
    assert problems_of(experiment("grid", double("x", "0", "1"), double("one", "1", "1"))) == (
        "parameter 'x': grid needs a step for a double (or type discrete)",
    )


def test_the_budget_is_not_checked_again_while_trials_run() -> None:
    """An answer that is refused in the middle would hang the experiment; its points are repeated instead."""
    assert len(suggest(experiment("grid", *TEN, max_trials=11), [], 11)) == 11
