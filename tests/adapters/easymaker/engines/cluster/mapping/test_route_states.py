"""When routes have to be written, and when the gateway uses them."""

from typing import Any

import pytest

from adapters.easymaker.engines.cluster.bundles import Bundle
from adapters.easymaker.engines.cluster.mapping.http_routes import http_routes
from adapters.easymaker.engines.cluster.mapping.route_states import (
    gateway_problem,
    leads_to,
    outdated,
    stage_of,
    superfluous,
)
from adapters.easymaker.engines.cluster.mapping.stage_routes import publications
from adapters.easymaker.kinds.record import Json
from tests.adapters.easymaker.engines.cluster import serving_samples as samples
from tests.adapters.easymaker.engines.cluster.serving_samples import resource, settings, stage_family

GATEWAY = "kubeflow/easymaker-gateway"


def rendered(*names: str) -> list[Json]:
    resources = [resource(name, {"id": f"resource-{name}"}) for name in names]
    (published,) = publications(stage_family(*resources, default=False))
    return http_routes(published, settings())


def applied(manifest: Json, **metadata: Any) -> Json:
    """As the cache holds it."""
    marked = Bundle(manifest).marked()
    return {"metadata": marked["metadata"] | metadata, "status": {}}


def test_only_what_differs_is_written() -> None:
    iris, wine = rendered("iris", "wine")
    assert outdated([iris, wine], [applied(iris), applied(wine)]) == []
    assert [bundle.owner for bundle in outdated([iris, wine], [applied(iris)])] == [wine]
    other = applied(wine | {"metadata": wine["metadata"] | {"name": iris["metadata"]["name"]}})
    assert [bundle.owner for bundle in outdated([iris], [other])] == [iris]


def test_a_route_that_is_being_deleted_is_written_again() -> None:
    (iris,) = rendered("iris")
    leaving = applied(iris, deletionTimestamp="2026-01-01T00:00:00Z")
    assert [bundle.owner for bundle in outdated([iris], [leaving])] == [iris]


def test_what_is_no_longer_rendered_is_too_much() -> None:
    iris, wine = rendered("iris", "wine")
    assert superfluous([iris], [applied(iris), applied(wine)]) == [applied(wine)]


def test_a_route_says_where_it_leads_and_who_wrote_it() -> None:
    (iris,) = rendered("iris")
    assert leads_to(applied(iris)) == ["resource-iris"]
    assert stage_of(applied(iris)) == samples.STAGE_ID


def answered(*conditions: Json, gateway: str = GATEWAY) -> Json:
    namespace, name = gateway.split("/")
    reference = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": namespace, "name": name}
    return {"parentRef": reference, "controllerName": "example.com/gateway", "conditions": list(conditions)}


def condition(kind: str, status: str = "True", message: str = "", **more: Any) -> Json:
    return {"type": kind, "status": status, "reason": kind, "message": message} | more


def route(*parents: Json, generation: int | None = None) -> Json:
    meta = {"name": "route"} | ({"generation": generation} if generation else {})
    return {"metadata": meta, "status": {"parents": list(parents)}}


ACCEPTED, RESOLVED = condition("Accepted"), condition("ResolvedRefs")
MISSING = condition("ResolvedRefs", "False", "Service em-x-predictor not found")


@pytest.mark.parametrize(
    ("routes", "problem"),
    [
        ([], None),
        ([route(answered(ACCEPTED, RESOLVED))], None),
        ([route()], "has not taken the routes yet"),
        ([route(answered(ACCEPTED, RESOLVED, gateway="kubeflow/other"))], "has not taken the routes yet"),
        ([route(answered(ACCEPTED))], "ResolvedRefs is not known yet"),
        ([route(answered(ACCEPTED, MISSING))], "em-x-predictor not found"),
        ([route(answered(condition("Accepted", "False", "NotAllowedByListeners"), RESOLVED))], "NotAllowedByListeners"),
        ([route(answered(ACCEPTED, RESOLVED)), route()], "has not taken the routes yet"),
        ([route(answered(ACCEPTED, MISSING), answered(ACCEPTED, RESOLVED))], None),
        ([route(answered(condition("Accepted", observedGeneration=1), RESOLVED), generation=2)], "the latest change"),
        ([route(answered(condition("Accepted", observedGeneration=2), RESOLVED), generation=2)], None),
    ],
)
def test_whether_the_gateway_uses_the_routes(routes: list[Json], problem: str | None) -> None:
    told = gateway_problem(routes, GATEWAY)
    assert told is None if problem is None else told is not None and problem in told
