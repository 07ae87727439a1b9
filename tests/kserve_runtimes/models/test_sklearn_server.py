"""The scikit-learn server answers V1, V2 and the dispatching path; wrong input is a 400 that says what is right."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

FLOWER = [5.1, 3.5, 1.4, 0.2]


def tensor(data: list[Any], shape: list[int], datatype: str = "FP64", name: str = "x") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def test_v1(iris: Any) -> None:
    assert iris.ask("/v1/models").body == {"models": ["iris 모델"]}
    assert iris.ask("/v1/models/{m}").body == {"name": "iris 모델", "ready": True}
    answer = iris.ask("/v1/models/{m}:predict", {"instances": [FLOWER, [6.8, 2.8, 4.8, 1.4]]})
    assert (answer.status, answer.body) == (200, {"predictions": [0, 1]})


def test_v1_explain_is_answered_clearly(iris: Any) -> None:
    answer = iris.ask("/v1/models/{m}:explain", {"instances": [FLOWER]})
    assert answer.status == 501
    assert "without an explainer" in answer.body["error"]


def test_v2_has_every_output_that_is_asked_for(iris: Any) -> None:
    body = {"id": "7", "inputs": [tensor(FLOWER, [1, 4])], "outputs": [{"name": "predict"}, {"name": "predict_proba"}]}
    for path in ("/v2/models/{m}/infer", "/v2/models/{m}/versions/1/infer"):
        answer = iris.ask(path, body)
        assert answer.status == 200
        assert (answer.body["id"], answer.body["model_name"]) == ("7", "iris 모델")
        predict, probabilities = answer.body["outputs"]
        assert (predict["name"], predict["data"], predict["shape"]) == ("predict", [0], [1, 1])
        assert probabilities["shape"] == [1, 3]
        assert sum(probabilities["data"]) == pytest.approx(1)


def test_v2_metadata_and_health(iris: Any) -> None:
    assert iris.ask("/v2").body["name"] == "mlserver"
    assert iris.ask("/v2/health/live").status == 200
    assert iris.ask("/v2/health/ready").status == 200
    assert iris.ask("/v2/models/{m}").body["versions"] == ["1"]
    assert iris.ask("/v2/models/{m}/versions/1/ready").status == 200
    assert iris.ask("/v2/models/{m}/versions/2/ready").status == 404


def test_dispatch_answers_as_the_body_asks(iris: Any) -> None:
    assert iris.ask("/dispatch/{m}", {"instances": [FLOWER]}).body == {"predictions": [0]}
    answer = iris.ask("/dispatch/{m}", {"inputs": [tensor(FLOWER, [1, 4])]})
    assert answer.body["outputs"][0]["data"] == [0]
    for body in ({}, [], {"instances": [], "inputs": []}, {"inputs": [{"name": 3}]}):
        assert iris.ask("/dispatch/{m}", body).status == 400


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"instances": [[1, 2, 3]]}, "instances[0] has 3 values; LogisticRegression expects 4 features."),
        ({"instances": [FLOWER, [1, 2, 3, 4, 5]]}, "instances[1] has 5 values"),
        ({"instances": [[1, 2, 3, None]]}, "Instance 0, value 3 is null or NaN"),
        ({"instances": [FLOWER, [1, 2, 3, "NaN"]]}, "null or NaN"),
        ({"instances": [[1, 2, 3, "x"]]}, "could not convert string to float: 'x'"),
        ({"instances": [[1, 2, 3, [4]]]}, "instances[0][3] is a list"),
        ({"instances": [[1, 2, 3, {}]]}, "instances[0][3] is an object"),
        ({"instances": FLOWER}, "instances[0] is a number; it must be a list of 4 values."),
        ({"instances": ["abcd"]}, "instances[0] is a string"),
        ({"instances": [None]}, "instances[0] is null"),
        ({"instances": [{"a": 1}]}, "send each instance as a list of 4 values"),
        ({"instances": {}}, "instances must be a list, not an object"),
        ({"instances": []}, "instances is empty"),
        ({"instance": [FLOWER]}, "The body has no instances (it has instance)"),
        ([FLOWER], "The body must be a JSON object"),
        ({"instances": [[1e308, 1e308, 1e308, 1e999]]}, "not JSON"),
    ],
)
def test_v1_refusals(iris: Any, body: Any, says: str) -> None:
    answer = iris.ask("/v1/models/{m}:predict", body)
    assert answer.status == 400
    assert says in answer.body["error"]
    assert list(answer.body) == ["error"]


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"instances": [[1,2,3,NaN]]}', b"[" * 5000])
def test_a_body_that_is_not_json(iris: Any, raw: bytes) -> None:
    for path in ("/v1/models/{m}:predict", "/dispatch/{m}", "/v2/models/{m}/infer"):
        answer = iris.ask(path, raw=raw)
        assert answer.status == 400
        assert list(answer.body) == ["error"]


def test_compressed_bodies(iris: Any) -> None:
    headers = {"content-encoding": "gzip"}
    raw = gzip.compress(b'{"instances": [[5.1, 3.5, 1.4, 0.2]]}')
    assert iris.ask("/v1/models/{m}:predict", raw=raw, headers=headers).body == {"predictions": [0]}
    for broken in (b"no gzip", raw[:20]):
        assert iris.ask("/v1/models/{m}:predict", raw=broken, headers=headers).status == 400


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "inputs: Field required"),
        ({"inputs": []}, "inputs is empty"),
        ({"inputs": [{"name": "x"}]}, "inputs.0.shape"),
        ({"inputs": [tensor(FLOWER[:3], [1, 3])]}, "shape [1, 3]; LogisticRegression expects [instances, 4]"),
        ({"inputs": [tensor(FLOWER, [4])]}, "expects [instances, 4]"),
        ({"inputs": [tensor(FLOWER, [1, 5])]}, "cannot be decoded"),
        ({"inputs": [tensor(FLOWER, [1, -1])]}, "no negative number"),
        ({"inputs": [tensor(["a"] * 4, [1, 4], "BYTES")]}, "refused the input"),
        ({"inputs": [tensor(FLOWER, [1, 4], "FP99")]}, "datatype"),
        ({"inputs": [tensor([1, 2, 3, None], [1, 4])]}, "null or NaN"),
        ({"inputs": [tensor(FLOWER, [1, 4])], "outputs": [{"name": "__init__"}]}, "has no output '__init__'"),
    ],
)
def test_v2_refusals(iris: Any, body: Any, says: str) -> None:
    answer = iris.ask("/v2/models/{m}/infer", body)
    assert answer.status == 400
    assert says in answer.body["error"]
    assert "Traceback" not in answer.body["error"]


def test_unknown_models_and_paths_are_404_in_the_same_shape(iris: Any) -> None:
    for path in ("/v1/models/other", "/v2/models/other", "/v2/models/other/ready", "/nothing"):
        answer = iris.ask(path)
        assert (answer.status, list(answer.body)) == (404, ["error"])
    for path in ("/v1/models/other:predict", "/v1/models/other:explain", "/dispatch/other"):
        assert iris.ask(path, {"instances": [FLOWER]}).status == 404


@pytest.mark.parametrize("path", ["/v2/repository/index", "/v2/repository/models/{m}/load", "/metrics", "/docs"])
def test_there_is_no_model_control(iris: Any, path: str) -> None:
    assert iris.ask(path, {}).status in (404, 405)
    assert iris.ask(path).status == 404


def test_columns_by_name(named: Any) -> None:
    """Rows as objects in any order, as lists, and as one V2 tensor per column."""
    rows = [{"city": "b", "age": 50}, {"age": 20, "city": "a"}]
    assert named.ask("/v1/models/{m}:predict", {"instances": rows}).body == {"predictions": ["yes", "no"]}
    assert named.ask("/v1/models/{m}:predict", {"instances": [[50, "b"]]}).body == {"predictions": ["yes"]}
    inputs = [tensor([50, 20], [2, 1], "INT64", "age"), tensor(["b", "a"], [2, 1], "BYTES", "city")]
    answer = named.ask("/v2/models/{m}/infer", {"inputs": inputs})
    assert (answer.status, answer.body["outputs"][0]["data"]) == (200, ["yes", "no"])


@pytest.mark.parametrize(
    ("instances", "says"),
    [
        ([{"age": 1}], "instances[0] lacks city; the model's features are age, city."),
        ([{"age": 1, "city": "a", "x": 1}], "instances[0] has the unknown x"),
        ([{"age": 1, "city": "a"}, [1, "a"]], "instances[1] is a list; instances[0] is an object"),
        ([[1]], "instances[0] has 1 values; Pipeline expects 2 features."),
        ([{"age": 1, "city": "zzz"}], "The model refused the input"),
    ],
)
def test_columns_by_name_refusals(named: Any, instances: list[Any], says: str) -> None:
    answer = named.ask("/v1/models/{m}:predict", {"instances": instances})
    assert answer.status == 400
    assert says in answer.body["error"]


def test_probabilities_by_model_parameter(serve: Callable) -> None:
    """The guide's example answers probabilities."""
    server = serve("iris", parameters={"output": "predict_proba"})
    predictions = server.ask("/v1/models/{m}:predict", {"instances": [FLOWER]}).body["predictions"]
    assert len(predictions[0]) == 3
    assert server.ask("/v2/models/{m}/infer", {"inputs": [tensor(FLOWER, [1, 4])]}).body["outputs"][0]["shape"] == [
        1,
        3,
    ]


def test_texts_and_several_targets(serve: Callable) -> None:
    texts = serve("text", "text")
    assert texts.ask("/v1/models/{m}:predict", {"instances": ["good good", "bad"]}).body == {"predictions": [1, 0]}
    regression = serve("regression", "regression")
    predictions = regression.ask("/v1/models/{m}:predict", {"instances": [[5, 3]] * 300}).body["predictions"]
    assert len(predictions) == 300
    assert len(predictions[0]) == 2
