"""The endpoint API table is the guide's appendix 10, and nothing beyond it can be reached."""

import pytest

from kserve_runtimes.oip.routes import (
    ENDPOINT_API,
    SDK_SHORT_PATHS,
    bind,
    bound_routes,
    resource_path_problem,
    segment,
    unnamed_routes,
)

APPENDIX_10 = {
    ("GET", "/{model_name}/v1/models"),
    ("GET", "/{model_name}/v1/models/{model_name}"),
    ("POST", "/{model_name}/v1/models/{model_name}/predict"),
    ("POST", "/{model_name}/v1/models/{model_name}/explain"),
    ("GET", "/{model_name}/v2"),
    ("GET", "/{model_name}/v2/health/live"),
    ("GET", "/{model_name}/v2/health/ready"),
    ("GET", "/{model_name}/v2/models/{model_name}"),
    ("GET", "/{model_name}/v2/models/{model_name}/versions/{model_version}"),
    ("GET", "/{model_name}/v2/models/{model_name}/ready"),
    ("GET", "/{model_name}/v2/models/{model_name}/versions/{model_version}/ready"),
    ("POST", "/{model_name}/v2/models/{model_name}/infer"),
    ("POST", "/{model_name}/v2/models/{model_name}/versions/{model_version}/infer"),
    ("POST", "/{model_name}/openai/v1/completions"),
    ("POST", "/{model_name}/openai/v1/chat/completions"),
}


def test_the_table_is_the_guides() -> None:
    assert {(row.method, row.public) for row in ENDPOINT_API} == APPENDIX_10
    assert len(ENDPOINT_API) == len(APPENDIX_10)


def test_the_sdk_finds_its_short_paths() -> None:
    assert {row.public for row in SDK_SHORT_PATHS} == {
        "/v1/models/{model_name}/predict",
        "/v2/models/{model_name}/infer",
        "/v1/completions",
        "/v1/chat/completions",
    }


def test_model_control_is_routed_nowhere() -> None:
    for row in (*ENDPOINT_API, *SDK_SHORT_PATHS):
        assert "repository" not in row.public + row.runtime
        assert not row.runtime.endswith(("/load", "/unload"))


def test_predict_is_rewritten_to_what_v1_servers_serve() -> None:
    runtime = {route.public: route.runtime for route in bound_routes("iris", ("v1",))}
    assert runtime["/iris/v1/models/iris/predict"] == "/v1/models/iris:predict"
    assert runtime["/v1/models/iris/predict"] == "/v1/models/iris:predict"


def test_only_the_models_own_protocols_are_bound() -> None:
    assert {route.row.protocol for route in bound_routes("iris", ("v1", "v2"))} == {"v1", "v2"}
    assert [row.public for row in unnamed_routes(("v1", "v2"))] == []
    assert len(list(unnamed_routes(("openai",)))) == 2


@pytest.mark.parametrize(
    ("name", "written"),
    [("iris", "iris"), ("my model", "my%20model"), ("a+b", "a+b"), ("모델", "%EB%AA%A8%EB%8D%B8"), ("a%b", "a%25b")],
)
def test_a_model_name_is_one_segment_as_clients_write_it(name: str, written: str) -> None:
    assert segment(name) == written
    assert bind("/v2/models/{model_name}/infer", name) == f"/v2/models/{written}/infer"


@pytest.mark.parametrize("path", ["/inference", "/a/b", "/iris", "/v3/models", "/a-b_c.d~e"])
def test_a_resource_path_may_be(path: str) -> None:
    assert resource_path_problem(path, ["iris"]) is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "inference",
        "/a/",
        "//a",
        "/a/../b",
        "/.",
        "/a?b",
        "/a#b",
        "/a%2fb",
        "/a b",
        "/a\nb",
        "/a\x00",
        "/{m}",
        "/v1/x",
        "/v2",
        "/iris/v2",
        "/" + "a" * 255,
    ],
)
def test_a_resource_path_may_not_be(path: str) -> None:
    assert resource_path_problem(path, ["iris"])
