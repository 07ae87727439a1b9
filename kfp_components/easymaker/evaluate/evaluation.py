"""Predictions beside the truth, from a data set to metrics, charts and a report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp_components.easymaker.evaluate.classification import Classification, classify
from kfp_components.easymaker.evaluate.records import DataInvalid, Record, field_of, records
from kfp_components.easymaker.evaluate.regression import regression_metrics

CLASSIFICATION, REGRESSION = "CLASSIFICATION", "REGRESSION"
# Which metric decides where nothing else is said.
PRIMARY = {CLASSIFICATION: "accuracy", REGRESSION: "rsquared"}


@dataclass(frozen=True)
class Question:
    """Which fields of a record to compare. A class may be predicted as its number in ``class_names``."""

    objective: str
    target_field: str
    prediction_field: str = "prediction"
    probabilities_field: str = ""
    class_names: Sequence[str] = ()
    primary_metric: str = ""


@dataclass(frozen=True)
class Evaluation:
    metrics: Mapping[str, float]
    primary_metric: str
    primary_value: float
    count: int
    classification: Classification | None = None


def evaluate(data: Path, question: Question) -> Evaluation:
    """Raises DataInvalid or ValueError."""
    return evaluate_records(records(data), question)


def evaluate_records(found: Iterable[Record], question: Question) -> Evaluation:
    objective = question.objective.upper()
    if objective not in PRIMARY:
        raise ValueError(f"objective {question.objective!r} is neither {CLASSIFICATION} nor {REGRESSION}")
    columns = _columns(found, question)
    if objective == REGRESSION:
        result = None
        metrics = regression_metrics(_numbers(columns.truth), _numbers(columns.predicted))
    else:
        names = [str(name) for name in question.class_names]
        truth = [_label(value, names) for value in columns.truth]
        predicted = [_label(value, names) for value in columns.predicted]
        result = classify(truth, predicted, names, columns.probabilities)
        metrics = result.metrics()
    primary = question.primary_metric or PRIMARY[objective]
    if primary not in metrics:
        raise ValueError(f"there is no metric {primary!r} for these data; there are {', '.join(metrics)}")
    return Evaluation(metrics, primary, metrics[primary], len(columns.truth), result)


@dataclass(frozen=True)
class _Columns:
    truth: list[Any]
    predicted: list[Any]
    probabilities: list[list[float]] | None


def _columns(found: Iterable[Record], question: Question) -> _Columns:
    columns = _Columns([], [], [] if question.probabilities_field else None)
    for number, record in enumerate(found, 1):
        try:
            columns.truth.append(field_of(record, question.target_field))
            columns.predicted.append(field_of(record, question.prediction_field))
            if columns.probabilities is not None:
                row = field_of(record, question.probabilities_field)
                columns.probabilities.append(_numbers(row if isinstance(row, list) else [row]))
        except ValueError as error:
            raise DataInvalid(f"record {number}: {error}") from None
    if not columns.truth:
        raise DataInvalid("there are no records to evaluate")
    return columns


def _numbers(values: Iterable[Any]) -> list[float]:
    """A model may answer with a list of one number."""
    try:
        return [float(_single(value)) for value in values]
    except (TypeError, ValueError) as error:
        raise DataInvalid(f"a number is needed: {error}") from None


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _label(value: Any, names: Sequence[str]) -> str:
    """A label as text. 2, 2.0 and "2" are one label, and with class names the third of those."""
    text = str(_single(value))
    if text in names:
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    if not number.is_integer():
        return text
    whole = int(number)
    return names[whole] if 0 <= whole < len(names) else str(whole)
