"""Requests and answers of both protocols; an answer that does not fit its question is refused."""

from typing import Any

import pytest

from kfp_components.easymaker.batch_inference.protocols import V1, V2, AnswerInvalid


def test_v1_is_a_list_each_way() -> None:
    assert V1().request([[1.0], {"a": 1}]) == {"instances": [[1.0], {"a": 1}]}
    assert V1().predictions({"predictions": [1, [0.5]]}, 2) == [1, [0.5]]


@pytest.mark.parametrize("answer", [None, [], {}, {"predictions": 3}, {"predictions": [1]}, {"error": "no"}])
def test_v1_refuses_an_answer_without_a_prediction_for_each(answer: Any) -> None:
    with pytest.raises(AnswerInvalid, match="list of 2 predictions"):
        V1().predictions(answer, 2)


def test_v2_is_one_tensor_each_way() -> None:
    tensor = {"name": "input-0", "shape": [2, 2], "datatype": "FP64", "data": [1, 2.5, 3, 4]}
    assert V2().request([[1, 2.5], [3, 4]]) == {"inputs": [tensor]}
    assert V2().request([1, 2])["inputs"][0] == {
        "name": "input-0", "shape": [2, 1], "datatype": "INT64", "data": [1, 2],
    }  # fmt: skip
    assert V2().predictions({"outputs": [{"shape": [2], "data": [7, 8]}]}, 2) == [7, 8]
    assert V2().predictions({"outputs": [{"shape": [2, 2], "data": [1, 2, 3, 4]}]}, 2) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("instances", [[[1], [1, 2]], [["a"]], [{"a": 1}], [[True]]])
def test_v2_refuses_records_that_are_no_numbers_of_one_length(instances: list[Any]) -> None:
    with pytest.raises(ValueError, match="lists of numbers"):
        V2().request(instances)


@pytest.mark.parametrize(
    "outputs", [None, [], [{"shape": [3], "data": [1, 2, 3]}], [{"shape": [2], "data": [1]}], [{"shape": [2]}], [7]]
)
def test_v2_refuses_an_answer_that_does_not_fit(outputs: Any) -> None:
    with pytest.raises(AnswerInvalid):
        V2().predictions({"outputs": outputs}, 2)
