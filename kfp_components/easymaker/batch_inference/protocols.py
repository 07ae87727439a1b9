"""A batch of records as a request to a model server, and its answer as one prediction per record. Pure."""

import math
from collections.abc import Sequence
from typing import Any, Protocol


class AnswerInvalid(ValueError):
    """The answer does not have one prediction for each record."""


class InferenceProtocol(Protocol):
    def request(self, instances: Sequence[Any]) -> dict[str, Any]: ...

    def predictions(self, answer: Any, count: int) -> list[Any]:
        """Raises AnswerInvalid."""
        ...


class V1:
    """TensorFlow Serving's and KServe's: {"instances": [...]} and {"predictions": [...]}."""

    def request(self, instances: Sequence[Any]) -> dict[str, Any]:
        return {"instances": list(instances)}

    def predictions(self, answer: Any, count: int) -> list[Any]:
        found = answer.get("predictions") if isinstance(answer, dict) else None
        if not isinstance(found, list) or len(found) != count:
            raise AnswerInvalid(f"the answer has no list of {count} predictions")
        return found


class V2:
    """The Open Inference Protocol, with one tensor of numbers: what models of tables take."""

    def request(self, instances: Sequence[Any]) -> dict[str, Any]:
        rows = [row if isinstance(row, list) else [row] for row in instances]
        width = len(rows[0])
        if any(len(row) != width or not all(_is_number(value) for value in row) for row in rows):
            raise ValueError("the protocol v2 takes records that are lists of numbers, all of the same length")
        whole = all(isinstance(value, int) for row in rows for value in row)
        tensor = {
            "name": "input-0",
            "shape": [len(rows), width],
            "datatype": "INT64" if whole else "FP64",
            "data": [value for row in rows for value in row],
        }
        return {"inputs": [tensor]}

    def predictions(self, answer: Any, count: int) -> list[Any]:
        try:
            tensor = answer["outputs"][0]
            data, shape = tensor["data"], tensor["shape"]
        except (KeyError, IndexError, TypeError):
            raise AnswerInvalid("the answer has no output tensor") from None
        width = math.prod(shape[1:])
        if not isinstance(data, list) or shape[0] != count or len(data) != count * width:
            raise AnswerInvalid(f"the answer's tensor does not have {count} predictions")
        if len(shape) == 1:
            return data
        return [data[start * width : (start + 1) * width] for start in range(count)]


PROTOCOLS: dict[str, InferenceProtocol] = {"v1": V1(), "v2": V2()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
