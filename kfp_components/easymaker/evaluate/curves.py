"""Curves of a score against a truth of yes and no: ROC and precision-recall, with their areas. Pure; ties are exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise


@dataclass(frozen=True)
class Point:
    """Counting as yes what scores at least ``threshold``."""

    threshold: float
    true_positives: int
    false_positives: int


@dataclass(frozen=True)
class Curve:
    """Points by falling threshold; the first counts nothing as yes."""

    points: tuple[Point, ...]
    positives: int
    negatives: int

    @classmethod
    def of(cls, truth: Sequence[bool], scores: Sequence[float]) -> "Curve":
        ranked = sorted(zip(scores, truth, strict=True), key=lambda pair: -pair[0])
        # Above every score, as an infinity would be, which JSON does not have.
        points = [Point(ranked[0][0] + 1.0 if ranked else 1.0, 0, 0)]
        for score, group in groupby(ranked, key=lambda pair: pair[0]):
            outcomes = [yes for _, yes in group]
            last = points[-1]
            hits = sum(outcomes)
            points.append(Point(score, last.true_positives + hits, last.false_positives + len(outcomes) - hits))
        positives = sum(truth)
        return cls(tuple(points), positives, len(truth) - positives)

    def recalls(self) -> list[float]:
        return [_share(point.true_positives, self.positives) for point in self.points]

    def false_positive_rates(self) -> list[float]:
        return [_share(point.false_positives, self.negatives) for point in self.points]

    def roc_area(self) -> float | None:
        """By the trapezoidal rule; None where only one of yes and no occurs."""
        if not (self.positives and self.negatives):
            return None
        twice = sum(
            (after.false_positives - before.false_positives) * (after.true_positives + before.true_positives)
            for before, after in pairwise(self.points)
        )
        return twice / (2 * self.positives * self.negatives)

    def average_precision(self) -> float | None:
        """The area below the steps of precision over recall; None without a yes."""
        if not self.positives:
            return None
        return sum(
            (after.true_positives - before.true_positives)
            / self.positives
            * (after.true_positives / (after.true_positives + after.false_positives))
            for before, after in pairwise(self.points)
        )

    def thinned(self, most: int) -> "Curve":
        """At most about as many points, the first and the last among them: for a chart, or for metadata."""
        if len(self.points) <= most:
            return self
        step = (len(self.points) - 1) / (most - 1)
        kept = sorted({round(number * step) for number in range(most)})
        return Curve(tuple(self.points[number] for number in kept), self.positives, self.negatives)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
