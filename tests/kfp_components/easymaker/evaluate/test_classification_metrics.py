"""Classification: against calculations by hand and by brute force."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_components.easymaker.evaluate.classification import classify
from kfp_components.easymaker.evaluate.curves import Curve

TRUTH = ["cat", "cat", "cat", "dog", "dog", "bird"]
GUESS = ["cat", "cat", "dog", "dog", "cat", "dog"]
# Few values, so that there are ties.
SCORED = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9])), min_size=1, max_size=40)


def test_three_classes_by_hand() -> None:
    found = classify(TRUTH, GUESS, ["bird", "cat", "dog"])
    assert found.confusion == ((0, 0, 1), (0, 2, 1), (0, 1, 1))
    assert found.accuracy == 0.5
    assert [score.support for score in found.scores] == [1, 3, 2]
    cat = found.scores[1]
    assert (cat.precision, cat.recall, cat.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    # A class that was never predicted counts as 0, not as nothing.
    assert found.metrics() == pytest.approx(
        {"accuracy": 0.5, "precision": 1 / 3, "recall": 7 / 18, "f1ScoreMacro": (2 / 3 + 0.4) / 3}
    )


def test_classes_are_those_that_occur_where_none_are_named() -> None:
    assert classify(TRUTH, GUESS).classes == ("bird", "cat", "dog")


def test_two_classes_take_the_second_ones_probability_alone() -> None:
    rows = [[0.1], [0.4], [0.35], [0.8]]
    found = classify(["no", "no", "yes", "yes"], ["no", "no", "no", "yes"], ["no", "yes"], rows)
    whole = classify(
        ["no", "no", "yes", "yes"], ["no", "no", "no", "yes"], ["no", "yes"], [[1 - p, p] for (p,) in rows]
    )
    assert found == whole
    # The example of scikit-learn's documentation.
    assert found.roc_area == pytest.approx(0.75)
    assert found.average_precision == pytest.approx(0.8333333333)
    assert found.log_loss == pytest.approx(-sum(map(math.log, (0.9, 0.6, 0.35, 0.8))) / 4)


def test_a_probability_of_zero_for_what_happened_is_no_infinite_loss() -> None:
    found = classify(["no"], ["yes"], ["no", "yes"], [[0.0, 1.0]])
    assert found.log_loss is not None
    assert math.isfinite(found.log_loss)


@pytest.mark.parametrize(
    ("truth", "guess", "classes", "probabilities", "sentence"),
    [
        ([], [], [], None, "0 true and 0 predicted"),
        (["a"], ["a", "b"], [], None, "1 true and 2 predicted"),
        (["a"], ["c"], ["a", "b"], None, "'c' is none of the classes a, b"),
        (["a"], ["a"], ["a", "b"], [[0.1, 0.2, 0.7]], "one probability for each"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(
    truth: list[str], guess: list[str], classes: list[str], probabilities: list[list[float]] | None, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        classify(truth, guess, classes, probabilities)


@given(SCORED)
def test_the_area_is_the_chance_that_a_yes_scores_above_a_no(scored: list[tuple[bool, float]]) -> None:
    curve = Curve.of([yes for yes, _ in scored], [score for _, score in scored])
    yes = [score for truth, score in scored if truth]
    no = [score for truth, score in scored if not truth]
    if not yes or not no:
        assert curve.roc_area() is None
        return
    wins = sum((a > b) + 0.5 * (a == b) for a, b in product(yes, no))
    assert curve.roc_area() == pytest.approx(wins / (len(yes) * len(no)))


@given(SCORED)
def test_average_precision_by_its_definition(scored: list[tuple[bool, float]]) -> None:
    curve = Curve.of([yes for yes, _ in scored], [score for _, score in scored])
    positives = sum(yes for yes, _ in scored)
    if not positives:
        assert curve.average_precision() is None
        return
    total, recall = 0.0, 0.0
    for threshold in sorted({score for _, score in scored}, reverse=True):
        taken = [yes for yes, score in scored if score >= threshold]
        total += (sum(taken) / positives - recall) * (sum(taken) / len(taken))
        recall = sum(taken) / positives
    assert curve.average_precision() == pytest.approx(total)


@given(SCORED)
def test_a_curve_rises_from_nothing_to_everything(scored: list[tuple[bool, float]]) -> None:
    curve = Curve.of([yes for yes, _ in scored], [score for _, score in scored])
    for shares in (curve.recalls(), curve.false_positive_rates()):
        assert shares == sorted(shares)
        assert shares[0] == 0.0
    assert curve.points[-1].true_positives + curve.points[-1].false_positives == len(scored)
    assert all(math.isfinite(point.threshold) for point in curve.points)


def test_a_long_curve_is_thinned_from_end_to_end() -> None:
    curve = Curve.of([number % 2 == 0 for number in range(5000)], [number / 5000 for number in range(5000)])
    thin = curve.thinned(200)
    assert len(thin.points) == 200
    assert (thin.points[0], thin.points[-1]) == (curve.points[0], curve.points[-1])
    assert curve.thinned(10_000) is curve
