"""How good a classification is. Pure: labels and probabilities in, numbers out."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kfp_components.easymaker.evaluate.curves import Curve

# As others clip: a probability of 0 for what happened would be an infinite loss.
_SMALLEST = 1e-15


@dataclass(frozen=True)
class ClassScore:
    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Classification:
    """``confusion[i][j]``: how many of class i were taken for class j. The rest is None without probabilities."""

    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    scores: tuple[ClassScore, ...]
    accuracy: float
    curve: Curve | None = None
    roc_area: float | None = None
    average_precision: float | None = None
    log_loss: float | None = None

    def metrics(self) -> dict[str, float]:
        """Names as EasyMaker's evaluations have them; averages over classes weigh each class the same."""
        count = len(self.scores)
        named = {
            "accuracy": self.accuracy,
            "precision": math.fsum(score.precision for score in self.scores) / count,
            "recall": math.fsum(score.recall for score in self.scores) / count,
            "f1ScoreMacro": math.fsum(score.f1 for score in self.scores) / count,
            "auRoc": self.roc_area,
            "auPrc": self.average_precision,
            "logLoss": self.log_loss,
        }
        return {name: value for name, value in named.items() if value is not None}


def classify(
    truth: Sequence[str],
    predicted: Sequence[str],
    classes: Sequence[str] = (),
    probabilities: Sequence[Sequence[float]] | None = None,
) -> Classification:
    """``probabilities`` has one number per class, in the order of ``classes``; for two classes also the second's alone.

    Raises:
        ValueError: lengths differ, nothing is there, or a label is none of the classes.
    """
    if len(truth) != len(predicted) or not truth:
        raise ValueError(f"{len(truth)} true and {len(predicted)} predicted labels: as many of each are needed")
    names = tuple(classes) or tuple(sorted({*truth, *predicted}))
    foreign = {*truth, *predicted} - set(names)
    if foreign:
        raise ValueError(f"{sorted(foreign)[0]!r} is none of the classes {', '.join(names)}")
    pairs = Counter(zip(truth, predicted, strict=True))
    confusion = tuple(tuple(pairs[true, guess] for guess in names) for true in names)
    result = Classification(
        names,
        confusion,
        tuple(_score(names, confusion, number) for number in range(len(names))),
        sum(confusion[number][number] for number in range(len(names))) / len(truth),
    )
    return result if probabilities is None else _with_curves(result, truth, _full(probabilities, names))


def _score(names: tuple[str, ...], confusion: Sequence[Sequence[int]], number: int) -> ClassScore:
    hits = confusion[number][number]
    taken = sum(row[number] for row in confusion)
    support = sum(confusion[number])
    precision = hits / taken if taken else 0.0
    recall = hits / support if support else 0.0
    f1 = 2 * hits / (taken + support) if taken + support else 0.0
    return ClassScore(names[number], precision, recall, f1, support)


def _full(probabilities: Sequence[Sequence[float]], names: tuple[str, ...]) -> list[list[float]]:
    rows = [[1.0 - row[0], row[0]] if len(row) == 1 and len(names) == 2 else list(row) for row in probabilities]
    if any(len(row) != len(names) for row in rows):
        raise ValueError(f"one probability for each of the classes {', '.join(names)} is needed, in this order")
    return rows


def _with_curves(result: Classification, truth: Sequence[str], rows: list[list[float]]) -> Classification:
    """Two classes: the curve of the second. More: every class against the rest, in one curve (micro average)."""
    names = result.classes
    if len(names) == 2:
        curve = Curve.of([label == names[1] for label in truth], [row[1] for row in rows])
    else:
        answers = [label == name for label in truth for name in names]
        curve = Curve.of(answers, [probability for row in rows for probability in row])
    place = {name: number for number, name in enumerate(names)}
    losses = (
        -math.log(min(max(row[place[label]] / (math.fsum(row) or 1.0), _SMALLEST), 1.0))
        for label, row in zip(truth, rows, strict=True)
    )
    return Classification(
        result.classes,
        result.confusion,
        result.scores,
        result.accuracy,
        curve,
        curve.roc_area(),
        curve.average_precision(),
        math.fsum(losses) / len(truth),
    )
