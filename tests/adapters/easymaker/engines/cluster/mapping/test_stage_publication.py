"""Whatever a stage serves, every path of the endpoint API leads where the table says, and nothing else leads anywhere:
by HTTPRoutes, by VirtualServices and by the local gateway alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as some

from adapters.easymaker.engines.cluster.mapping.backends import predictor
from adapters.easymaker.engines.cluster.mapping.http_routes import http_routes
from adapters.easymaker.engines.cluster.mapping.stage_routes import publications
from adapters.easymaker.engines.cluster.mapping.virtual_services import virtual_services
from adapters.easymaker.engines.local.gateway import ResourceRoute, StageRoutes
from adapters.easymaker.engines.local.gateway.envoy_routes import route_configuration
from adapters.easymaker.kinds.record import Json, Record
from kserve_runtimes.oip.routes import (
    DISPATCH,
    ENDPOINT_API,
    SDK_SHORT_PATHS,
    VERSION,
    bind,
    model_name_problem,
    resource_path_problem,
    segment,
)
from tests.adapters.easymaker.engines.cluster.golden_files import require_strictly_valid
from tests.adapters.easymaker.engines.cluster.mapping.gateway_api import Sent, by_http_routes, by_virtual_services
from tests.adapters.easymaker.engines.cluster.serving_samples import ENDPOINT_ID, resource, settings, stage_family

PREFIXES = (f"/{ENDPOINT_ID}/stages/blue", f"/{ENDPOINT_ID}/default")
Router = Callable[[list[Json], str, str], list[Sent]]


@dataclass(frozen=True)
class Backend:
    """How stages are published, and how a request then finds its way."""

    render: Callable[..., list[Json]]
    send: Router


BACKENDS = {
    "gateway-api": Backend(http_routes, by_http_routes),
    "istio": Backend(virtual_services, by_virtual_services),
}

NAMES = some.one_of(
    some.sampled_from(["v1", "v2", "openai", "models", "default", "stages", "a%2Fb", "%2e%2e", "{model_version}"]),
    some.text(some.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=8),
).filter(lambda name: model_name_problem(name) is None)
PATHS = some.lists(some.text("abcXYZ019-._~!$&'()*+,;=:@", min_size=1, max_size=6), min_size=1, max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)


@some.composite
def stages(draw: some.DrawFn) -> list[Record]:
    """Stage resources of some models, a few of one model, a few with a path of their own."""
    names = draw(some.lists(NAMES, min_size=1, max_size=4, unique=True))
    owners: dict[str, str] = {}
    found: list[Record] = []
    for name in names:
        for _ in range(draw(some.integers(1, 3))):
            path = draw(some.none() | PATHS)
            free = path is None or owners.setdefault(path, name) == name
            usable = path is not None and free and resource_path_problem(path, names) is None
            spec = {"apigwResourceUri": path} if usable else {}
            state = {"readyPods": draw(some.integers(0, 2))}
            values = {"id": f"resource-{len(found)}", "state": state}
            found.append(resource(name, values, podCount=draw(some.integers(1, 3)), **spec))
    return found


def rendered(kind: Backend, resources: list[Record]) -> list[Json]:
    return [obj for each in publications(stage_family(*resources)) for obj in kind.render(each, settings())]


def expected(resources: list[Record]) -> dict[tuple[str, str], tuple[str, list[Record]]]:
    """(method, public path) -> (path at the server, the resources), straight from the table."""
    found: dict[tuple[str, str], tuple[str, list[Record]]] = {}
    for name in {each.spec["modelName"] for each in resources}:
        group = [each for each in resources if each.spec["modelName"] == name]
        for row in (*ENDPOINT_API, *SDK_SHORT_PATHS):
            if row.protocol in ("v1", "v2"):
                public, runtime = (bind(each, name).replace(VERSION, "7") for each in (row.public, row.runtime))
                found[row.method, public] = (runtime, group)
        for path in {each.spec["apigwResourceUri"] for each in group if "apigwResourceUri" in each.spec}:
            own = [each for each in group if each.spec.get("apigwResourceUri") == path]
            found["POST", path] = (bind(DISPATCH, name), own)
    return found


def weights(group: list[Record]) -> tuple[tuple[str, int], ...]:
    ready = [each for each in group if each.state["readyPods"]]
    return tuple((predictor(each.id), each.spec["podCount"] if not ready or each in ready else 0) for each in group)


@pytest.mark.parametrize("kind", BACKENDS.values(), ids=BACKENDS)
@given(resources=stages())
def test_every_path_of_the_table_matches_one_rule_and_becomes_the_servers_path(
    kind: Backend, resources: list[Record]
) -> None:
    objects = rendered(kind, resources)
    for prefix in PREFIXES:
        for (method, public), (runtime, group) in expected(resources).items():
            assert kind.send(objects, method, prefix + public) == [Sent(runtime, weights(group))]


@pytest.mark.parametrize("kind", BACKENDS.values(), ids=BACKENDS)
@given(resources=stages(), tail=PATHS)
def test_nothing_else_leads_anywhere(kind: Backend, resources: list[Record], tail: str) -> None:
    objects = rendered(kind, resources)
    table = expected(resources)
    name = segment(resources[0].spec["modelName"])
    others = [tail, f"/{name}{tail}", f"/{name}/v2{tail}", f"/{name}/v2/repository/index", f"/{name}/metrics", "/", ""]
    for prefix in PREFIXES:
        for path in others:
            for method in ("GET", "POST", "PUT", "DELETE"):
                if (method, path) not in table:
                    assert kind.send(objects, method, prefix + path) == [], (method, path)
        for method, public in table:
            other = "POST" if method == "GET" else "GET"
            if (other, public) not in table and "/versions" not in public:
                assert kind.send(objects, other, prefix + public) == []
        assert kind.send(objects, "GET", prefix.replace("blue", "green").replace("default", "x") + "/v2") == []


@given(resources=stages())
def test_a_prefix_reaches_no_more_than_the_versions_of_its_model(resources: list[Record]) -> None:
    """The one place where a route is wider than the table."""
    for route in rendered(BACKENDS["gateway-api"], resources):
        for rule in route["spec"]["rules"]:
            for match in rule["matches"]:
                if match["path"]["type"] == "PathPrefix":
                    (rewrite,) = [each["urlRewrite"]["path"]["replacePrefixMatch"] for each in rule["filters"]]
                    name = segment(route["metadata"]["annotations"]["easymaker.kubeflow.org/model"])
                    assert rewrite == f"/v2/models/{name}/versions"
                    assert match["path"]["value"].endswith(f"/{name}{rewrite}")


@given(resources=stages())
def test_one_machine_publishes_the_same_paths(resources: list[Record]) -> None:
    local = StageRoutes(
        ENDPOINT_ID,
        "stage",
        "blue",
        True,
        tuple(
            ResourceRoute(each.id, each.spec["modelName"], each.spec.get("apigwResourceUri"), (8000,))
            for each in resources
        ),
    )
    of_envoy = _exact_of_envoy(route_configuration([local], {ENDPOINT_ID: "stage"}))
    of_gateway = {
        (match["method"], match["path"]["value"], each["urlRewrite"]["path"]["replaceFullPath"])
        for route in rendered(BACKENDS["gateway-api"], resources)
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
        if match["path"]["type"] == "Exact"
        for each in rule["filters"]
    }
    assert of_envoy == of_gateway


def _exact_of_envoy(configuration: Json) -> set[tuple[str, str, str]]:
    (host,) = configuration["virtual_hosts"]
    trees = host["matcher"]["matcher_tree"]["prefix_match_map"]["map"].values()
    return {
        (
            route["match"]["headers"][0]["string_match"]["exact"],
            route["match"]["path"],
            route["route"]["prefix_rewrite"],
        )
        for tree in trees
        for route in tree["action"]["typed_config"]["routes"]
        if "path" in route["match"] and "headers" in route["match"]
    }


@pytest.mark.parametrize("kind", BACKENDS.values(), ids=BACKENDS)
@given(resources=stages())
@settings_of_hypothesis(max_examples=20)
def test_strictly_valid_whatever_is_served(kind: Backend, resources: list[Record]) -> None:
    require_strictly_valid(rendered(kind, resources))
