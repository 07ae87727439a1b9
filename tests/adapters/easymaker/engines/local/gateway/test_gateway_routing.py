"""What reaches which pod, under which path, and what everybody else is told."""

from typing import Any

import pytest

from kserve_runtimes.oip.routes import ENDPOINT_API, SDK_SHORT_PATHS, bind, segment

MODELS = ["iris", "my model", "모델", "a+b(c)", "x.y-z_0~", "a%b", "i[r]is*$^"]


@pytest.mark.parametrize("model", MODELS)
def test_every_row_of_the_table_reaches_the_model(running: Any, upstreams: Any, make: Any, model: str) -> None:
    """Through the stage's URL and, for the default stage, the endpoint's."""
    running.gateway.publish(make.stage(make.resource("r1", upstreams(), model=model), default=True))
    session = running.session()
    for prefix in ("/e1/stages/blue", "/e1/default"):
        for row in (*ENDPOINT_API, *SDK_SHORT_PATHS):
            path = bind(row.public, model).replace("{model_version}", "7")
            answer = session.request(row.method, running.url(prefix + path) + "?a=b")
            if row.protocol == "openai":
                assert answer.status_code == 404, row
                continue
            assert answer.status_code == 200, (row, answer.text)
            assert answer.json()["path"] == bind(row.runtime, model).replace("{model_version}", "7") + "?a=b"


def test_any_printable_character_may_be_in_a_model_name(running: Any, upstreams: Any, make: Any) -> None:
    """One name that Envoy refuses would keep all stages from changing."""
    names = [f"m{character}1" for character in map(chr, range(0x20, 0x7F)) if character not in "/\\"]
    port = upstreams()
    resources = [make.resource(f"r{at}", port, model=name) for at, name in enumerate(names)]
    running.gateway.publish(make.stage(*resources))
    session = running.session()
    for name in names:
        answer = session.post(running.url(f"/e1/stages/blue/v2/models/{segment(name)}/infer"), json={})
        assert answer.status_code == 200, name
        versioned = bind("/{model_name}/v2/models/{model_name}/versions/3/ready", name)
        assert session.get(running.url(f"/e1/stages/blue{versioned}")).status_code == 200, name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b"])
def test_model_names_that_no_url_can_carry_are_refused(make: Any, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a URL"):
        make.resource("r1", model=name)


def test_a_model_name_as_the_sdk_writes_it(running: Any, upstreams: Any, make: Any) -> None:
    """The SDK puts the name into the URL as it is; requests escapes what it must."""
    running.gateway.publish(make.stage(make.resource("r1", upstreams(), model="my 모델")))
    answer = running.session().post(running.url("/e1/stages/blue/v1/models/my 모델/predict"), json={})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/e1", 404),
        ("GET", "/e1/stages/blue", 404),
        ("GET", "/e1/stages/blue/", 404),
        ("GET", "/e1/stages/green/iris/v2", 404),
        ("GET", "/e1/default/iris/v2", 404),
        ("GET", "/e1/stages/blue/other/v2", 404),
        ("GET", "/e1/stages/blue/iris/v2/", 404),
        ("GET", "/e1/stages/blue/iris/v2/models/iris/versions/1/2/ready", 404),
        ("POST", "/e1/stages/blue/iris/v2/models/iris/generate", 404),
        ("POST", "/e1/stages/blue/iris/v2/repository/index", 404),
        ("POST", "/e1/stages/blue/iris/v2/repository/models/iris/unload", 404),
        ("GET", "/e1/stages/blue/iris/metrics", 404),
        ("POST", "/e1/stages/blue/v1/chat/completions", 404),
        ("GET", "/e1/stages/blue/iris/v1/models/iris/predict", 405),
        ("POST", "/e1/stages/blue/iris/v2/health/live", 405),
        ("DELETE", "/e1/stages/blue/iris/v2", 405),
    ],
)
def test_everything_else_is_refused_in_one_shape(
    running: Any, upstreams: Any, make: Any, method: str, path: str, status: int
) -> None:
    running.gateway.publish(make.stage(make.resource("r1", upstreams())))
    answer = running.session().request(method, running.url(path))
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert answer.headers["content-type"] == "application/json"


def test_a_resource_path_reaches_the_dispatching_path(running: Any, upstreams: Any, make: Any) -> None:
    first, second = (
        make.resource("r1", upstreams(), path="/inference"),
        make.resource("r2", upstreams(), model="wine", path="/a/wine"),
    )
    running.gateway.publish(make.stage(first, second, default=True))
    session = running.session()
    assert session.post(running.url("/e1/default/inference"), json={}).json()["path"] == "/dispatch/iris"
    assert session.post(running.url("/e1/stages/blue/a/wine"), json={}).json()["path"] == "/dispatch/wine"
    assert session.get(running.url("/e1/default/inference")).headers["allow"] == "POST"
    assert session.post(running.url("/e1/default/inference/x"), json={}).status_code == 404


def test_openai_paths_name_no_model_so_one_model_must_be_meant(running: Any, upstreams: Any, make: Any) -> None:
    from adapters.easymaker.engines.local.gateway import ResourceRoute

    def llm(name: str) -> ResourceRoute:
        return ResourceRoute(f"r-{name}", name, None, (upstreams().server_port,), ("openai",))

    url = running.url("/e1/stages/blue/v1/chat/completions")
    session = running.session()
    running.gateway.publish(make.stage(llm("one"), make.resource("r1", upstreams())))
    assert session.post(url, json={}).json()["path"] == "/openai/v1/chat/completions"
    running.gateway.publish(make.stage(llm("one"), llm("two")))
    assert session.post(url, json={}).status_code == 404
    named = running.url("/e1/stages/blue/two/openai/v1/chat/completions")
    assert session.post(named, json={}).json()["path"] == "/openai/v1/chat/completions"


def test_a_model_without_a_ready_pod_is_503(running: Any, upstreams: Any, make: Any) -> None:
    running.gateway.publish(make.stage(make.resource("r1"), make.resource("r2", upstreams(), model="wine")))
    session = running.session()
    answer = session.get(running.url("/e1/stages/blue/iris/v2"))
    assert (answer.status_code, list(answer.json())) == (503, ["error"])
    assert session.get(running.url("/e1/stages/blue/wine/v2")).status_code == 200


def test_resources_of_one_model_share_by_pods_and_are_counted_apart(running: Any, upstreams: Any, make: Any) -> None:
    one, two, unready = (
        make.resource("r1", upstreams()),
        make.resource("r2", upstreams(), upstreams()),
        make.resource("r3"),
    )
    running.gateway.publish(make.stage(one, two, unready))
    session = running.session()
    for _ in range(600):
        assert session.get(running.url("/e1/stages/blue/iris/v2")).status_code == 200
    counts = running.gateway.statistics(["r1", "r2", "r3"])
    assert (counts["r1"].total + counts["r2"].total, counts["r3"].total) == (600, 0)
    assert 140 < counts["r1"].total < 260, "a third, give or take chance"


def test_a_dead_pod_is_not_felt_while_another_lives(running: Any, upstreams: Any, make: Any) -> None:
    """Within a resource, and from one resource to another of the same model."""
    alive, beside, other = upstreams(), upstreams(), upstreams()
    running.gateway.publish(make.stage(make.resource("r1", alive, beside), make.resource("r2", other)))
    session = running.session()
    url = running.url("/e1/stages/blue/iris/v2/models/iris/infer")
    assert session.post(url, json={}).status_code == 200
    beside.die()
    other.die()
    ports = {session.post(url, json={}).json()["port"] for _ in range(300)}
    assert ports == {alive.server_port}


def test_without_any_pod_alive_the_answer_is_an_opaque_503(running: Any, upstreams: Any, make: Any) -> None:
    upstream = upstreams()
    running.gateway.publish(make.stage(make.resource("r1", upstream)))
    upstream.die()
    answer = running.session().get(running.url("/e1/stages/blue/iris/v2"))
    assert answer.status_code == 503
    assert answer.json() == {"error": "No pod of the model can be reached; try again later."}
    assert running.gateway.statistics(["r1"])["r1"].status_5xx == 1


def test_probe_asks_through_tls(running: Any, upstreams: Any, make: Any) -> None:
    routes = make.stage(make.resource("r1", upstreams(), model="my 모델"))
    assert not running.gateway.probe(routes, "my 모델")
    running.gateway.publish(routes)
    assert running.gateway.probe(routes, "my 모델")
    assert not running.gateway.probe(routes, "other")


def test_two_stages_of_one_name_are_not_published_together(running: Any, make: Any) -> None:
    from adapters.easymaker.engines.local.gateway import StageRoutes
    from adapters.easymaker.errors import TemporaryEngineError

    running.gateway.publish(StageRoutes("e1", "old", "blue", False, ()))
    with pytest.raises(TemporaryEngineError):
        running.gateway.publish(StageRoutes("e1", "new", "blue", False, ()))
    running.gateway.withdraw("old")
    running.gateway.publish(StageRoutes("e1", "new", "blue", False, ()))


@pytest.mark.parametrize("bad", ["../x", "a/b", "", "a b", "a" * 65, "a.b", "é"])
def test_ids_that_cannot_be_file_names_and_segments_are_refused(make: Any, bad: str) -> None:
    from adapters.easymaker.engines.local.gateway import ResourceRoute, StageRoutes

    with pytest.raises(ValueError, match="must be"):
        StageRoutes(bad, "s", "blue", False, ())
    with pytest.raises(ValueError, match="must be"):
        StageRoutes("e", bad, "blue", False, ())
    with pytest.raises(ValueError, match="must be"):
        ResourceRoute(bad, "iris", None, ())


def test_what_an_earlier_release_published_is_still_served() -> None:
    """Its files do not say when a pod's server was started."""
    from adapters.easymaker.engines.local.gateway import ResourceRoute, StageRoutes

    stage = StageRoutes("e", "s", "blue", False, (ResourceRoute("r", "iris", None, (8080,), started=(1.5,)),))
    written = stage.to_json()
    assert StageRoutes.from_json(written) == stage
    written["resources"] = [{k: v for k, v in each.items() if k != "started"} for each in written["resources"]]
    (route,) = StageRoutes.from_json(written).resources
    assert (route.ports, route.started) == ((8080,), ())
