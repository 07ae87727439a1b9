"""How good a regression is. Pure: numbers in, numbers out."""

import math
from collections.abc import Sequence


def regression_metrics(truth: Sequence[float], predicted: Sequence[float]) -> dict[str, float]:
    """Names as EasyMaker's evaluations have them; one that is not defined for these numbers is left out.

    Raises:
        ValueError: lengths differ, nothing is there, or something is no finite number.
    """
    if len(truth) != len(predicted) or not truth:
        raise ValueError(f"{len(truth)} true and {len(predicted)} predicted values: as many of each are needed")
    if not all(map(math.isfinite, (*truth, *predicted))):
        raise ValueError("true and predicted values must be finite numbers")
    count = len(truth)
    errors = [guess - true for true, guess in zip(truth, predicted, strict=True)]
    squares = math.fsum(error * error for error in errors)
    mean = math.fsum(truth) / count
    spread = math.fsum((value - mean) ** 2 for value in truth)
    found: dict[str, float | None] = {
        "rootMeanSquaredError": math.sqrt(squares / count),
        "meanAbsoluteError": math.fsum(map(abs, errors)) / count,
        "meanAbsolutePercentageError": _percentage(truth, errors),
        "rsquared": 1.0 - squares / spread if spread else None,
        "rootMeanSquaredLogError": _log_error(truth, predicted),
    }
    return {name: value for name, value in found.items() if value is not None}


def _percentage(truth: Sequence[float], errors: Sequence[float]) -> float | None:
    """As a share, so 0.1 is ten percent; not defined where a true value is 0."""
    if any(value == 0 for value in truth):
        return None
    return math.fsum(abs(error / true) for error, true in zip(errors, truth, strict=True)) / len(truth)


def _log_error(truth: Sequence[float], predicted: Sequence[float]) -> float | None:
    if any(value <= -1 for value in (*truth, *predicted)):
        return None
    total = math.fsum((math.log1p(guess) - math.log1p(true)) ** 2 for true, guess in zip(truth, predicted, strict=True))
    return math.sqrt(total / len(truth))
