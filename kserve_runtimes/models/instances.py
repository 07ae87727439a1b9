"""V1 ``instances`` to what an estimator takes, with errors that say which instance is wrong and what would be right."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kserve_runtimes.models.errors import ModelInputError

EXPECTED_BODY = '{"instances": [[…], …]}'
_NAMES_SHOWN = 8


def feature_count(estimator: Any) -> int | None:
    """How many features the estimator was fitted with; None when it does not say (a text pipeline, for one)."""
    count = getattr(estimator, "n_features_in_", None)
    return int(count) if count is not None else None


def feature_names(estimator: Any) -> list[str] | None:
    """The column names that it was fitted with; None when it was fitted with a plain array."""
    names = getattr(estimator, "feature_names_in_", None)
    return [str(name) for name in names] if names is not None else None


def instances_of(body: Any) -> list[Any]:
    """The list in a V1 body."""
    if not isinstance(body, Mapping):
        raise ModelInputError(f"The body must be a JSON object: {EXPECTED_BODY}.")
    if "instances" not in body:
        has = ", ".join(sorted(str(key) for key in body)[:_NAMES_SHOWN]) or "nothing"
        raise ModelInputError(f"The body has no instances (it has {has}): send {EXPECTED_BODY}.")
    instances = body["instances"]
    if not isinstance(instances, list):
        raise ModelInputError(f"instances must be a list, not {_kind(instances)}: send {EXPECTED_BODY}.")
    if not instances:
        raise ModelInputError("instances is empty: send at least one.")
    return instances


def to_matrix(instances: Sequence[Any], estimator: Any) -> Any:
    """Rows or feature-name objects as an array, or a DataFrame where the estimator knows its columns by name."""
    if isinstance(instances[0], Mapping):
        return _frame(_rows_by_name(instances, estimator), estimator)
    count = feature_count(estimator)
    if count is None:
        return list(instances)
    _check_rows(instances, count, estimator)
    if feature_names(estimator) is not None:
        return _frame(instances, estimator)
    return _array(instances)


def check_width(matrix: Any, estimator: Any) -> None:
    """The same check for an input that came as a tensor."""
    count, shape = feature_count(estimator), getattr(matrix, "shape", None)
    if count is None or shape is None:
        return
    if len(shape) != 2 or shape[1] != count:
        raise ModelInputError(
            f"The input has the shape {list(shape)}; {_kind_of(estimator)} expects [instances, {count}]."
        )


def missing_value(matrix: Any) -> tuple[int, int] | None:
    """Where the first null or NaN is."""
    rows = matrix.values.tolist() if hasattr(matrix, "values") else getattr(matrix, "tolist", lambda: matrix)()
    for i, row in enumerate(rows):
        for j, value in enumerate(row if isinstance(row, list) else [row]):
            if _is_missing(value):
                return i, j
    return None


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() == "nan"
    return value is None or (isinstance(value, float) and math.isnan(value))


def _check_rows(instances: Sequence[Any], count: int, estimator: Any) -> None:
    for i, row in enumerate(instances):
        if not isinstance(row, list):
            raise ModelInputError(f"instances[{i}] is {_kind(row)}; it must be a list of {count} values.")
        if len(row) != count:
            raise ModelInputError(
                f"instances[{i}] has {len(row)} values; {_kind_of(estimator)} expects {count} features."
            )
        for j, value in enumerate(row):
            if isinstance(value, list | dict):
                raise ModelInputError(f"instances[{i}][{j}] is {_kind(value)}; it must be a single value.")


def _rows_by_name(instances: Sequence[Any], estimator: Any) -> list[list[Any]]:
    names = feature_names(estimator)
    if names is None:
        count = feature_count(estimator)
        size = f" of {count} values" if count is not None else ""
        raise ModelInputError(
            f"The model was fitted without feature names and takes no objects: send each instance as a list{size}."
        )
    known = set(names)
    rows: list[list[Any]] = []
    for i, row in enumerate(instances):
        if not isinstance(row, Mapping):
            raise ModelInputError(f"instances[{i}] is {_kind(row)}; instances[0] is an object: send one or the other.")
        missing = [name for name in names if name not in row]
        unknown = [str(name) for name in row if name not in known]
        if missing or unknown:
            raise ModelInputError(
                f"instances[{i}] {_differs(missing, unknown)}; the model's features are {_few(names)}."
            )
        rows.append([row[name] for name in names])
    return rows


def _differs(missing: list[str], unknown: list[str]) -> str:
    parts = [f"lacks {_few(missing)}"] if missing else []
    if unknown:
        parts.append(f"has the unknown {_few(unknown)}")
    return " and ".join(parts)


def _array(instances: Sequence[Any]) -> Any:
    import numpy

    if any(isinstance(value, str) or value is None for row in instances for value in row):
        # Otherwise numpy would turn the numbers beside a string into strings.
        return numpy.array(instances, dtype=object)
    return numpy.array(instances)


def _frame(rows: Sequence[Any], estimator: Any) -> Any:
    import pandas

    return pandas.DataFrame(list(rows), columns=feature_names(estimator))


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return f"{shown}, … ({len(names)} in all)" if len(names) > _NAMES_SHOWN else shown


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = (
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "a string"),
        (list, "a list"),
        (dict, "an object"),
    )
    return next((text for kind, text in kinds if isinstance(value, kind)), "no JSON value")


def _kind_of(estimator: Any) -> str:
    return type(estimator).__name__
