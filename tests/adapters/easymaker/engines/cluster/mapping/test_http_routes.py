"""Stages as HTTPRoutes: readable golden files, strictly valid, within the Gateway API's limits."""

import pytest

from adapters.easymaker.engines.cluster.mapping.backends import predictor
from adapters.easymaker.engines.cluster.mapping.http_routes import MOST_RULES, http_routes
from adapters.easymaker.engines.cluster.mapping.stage_routes import LEADS_TO, publications
from adapters.easymaker.engines.cluster.names import RESOURCE_ID, STAGE_ID
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Goal, Json, Record
from tests.adapters.easymaker.engines.cluster import serving_samples as samples
from tests.adapters.easymaker.engines.cluster.golden_files import require_golden, require_strictly_valid
from tests.adapters.easymaker.engines.cluster.serving_samples import resource, settings, stage, stage_family

SERVERLESS = settings(serving_mode="Serverless")


def routes(*resources: Record, default: bool = False, cluster: object = None) -> list[Json]:
    published = publications(stage_family(*resources, default=default))
    return [route for each in published for route in http_routes(each, cluster or settings())]  # type: ignore[arg-type]


def twice() -> tuple[Record, Record]:
    return resource(), resource(values={"id": samples.SECOND_ID}, podCount=3)


CASES = {
    "http-route-stage": lambda: routes(resource(apigwResourceUri="/inference")),
    "http-route-default-stage": lambda: routes(resource(), default=True)[1:],
    "http-route-two-resources": lambda: routes(*twice()),
    "http-route-serverless": lambda: routes(resource(), cluster=SERVERLESS),
    "http-route-serverless-two-resources": lambda: routes(*twice(), cluster=SERVERLESS),
}


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    require_golden(case, CASES[case]())


@pytest.mark.parametrize("case", CASES)
def test_strictly_valid(case: str) -> None:
    require_strictly_valid(CASES[case]())


def test_a_model_has_routes_of_its_own_that_another_one_does_not_touch() -> None:
    wine = resource("wine", {"id": samples.SECOND_ID})
    alone, together = routes(resource()), routes(wine, resource())
    assert alone[0] in together
    assert len(together) == 2


def test_more_rules_than_a_route_may_have_are_spread_over_several() -> None:
    many = [resource(values={"id": f"resource-{number}"}, apigwResourceUri=f"/path-{number}") for number in range(20)]
    found = routes(*many, default=True)
    sizes = [len(route["spec"]["rules"]) for route in found]
    assert max(sizes) <= MOST_RULES
    assert sum(sizes) == 2 * (12 + 20), "of the table, and one per path"
    names = [route["metadata"]["name"] for route in found]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 63
    require_strictly_valid(found)


def test_of_more_resources_than_a_rule_takes_those_that_are_ready_serve() -> None:
    late = {"id": "late", "state": {"readyPods": 1}}
    many = [resource(values={"id": f"resource-{number}", "state": {}}) for number in range(20)]
    (route,) = routes(*many, resource(values=late))
    for rule in route["spec"]["rules"]:
        assert len(rule["backendRefs"]) == 16
        assert [ref["name"] for ref in rule["backendRefs"] if ref["weight"]] == [predictor("late")]


def test_the_longest_names_that_can_be_published_are_valid() -> None:
    name = "가" * 50
    found = routes(resource(name), default=True)
    assert found
    require_strictly_valid(found)


def test_a_name_whose_paths_are_too_long_keeps_no_other_model_from_being_published() -> None:
    found = routes(resource("𝔸" * 50, {"id": samples.SECOND_ID}), resource())
    assert [route["metadata"]["annotations"][LEADS_TO] for route in found] == [samples.RESOURCE_ID]


def test_the_alias_is_the_endpoints_and_says_which_stage_wrote_it() -> None:
    own, alias = routes(resource(), default=True)
    assert own["metadata"]["labels"][RESOURCE_ID] == samples.STAGE_ID
    assert alias["metadata"]["labels"][RESOURCE_ID] == samples.ENDPOINT_ID
    assert alias["metadata"]["labels"][STAGE_ID] == samples.STAGE_ID
    assert alias["metadata"]["name"].startswith(f"em-{samples.ENDPOINT_ID}-default-")


def test_another_default_stage_writes_the_same_alias() -> None:
    """Changing the default stage is a change of what the same objects lead to: two stages never claim one path."""
    green = stage({"id": "green-stage", "name": "green"})
    of_green = publications(stage_family(resource(values={"id": samples.SECOND_ID}), on=green))[1]
    (before,), (after,) = (
        http_routes(publications(stage_family(resource()))[1], settings()),
        http_routes(of_green, settings()),
    )
    assert before["metadata"]["name"] == after["metadata"]["name"]
    assert [rule["matches"] for rule in before["spec"]["rules"]] == [r["matches"] for r in after["spec"]["rules"]]
    assert {rule["backendRefs"][0]["name"] for rule in after["spec"]["rules"]} == {predictor(samples.SECOND_ID)}


def test_a_resource_that_is_deleted_or_of_an_unknown_format_is_not_published() -> None:
    gone = samples.with_goal(resource(), Goal.ABSENT)
    assert routes(gone) == []
    assert routes(resource(modelFormatCode="TRITON")) == []


def test_two_models_cannot_share_a_path() -> None:
    wine = resource("wine", {"id": samples.SECOND_ID}, apigwResourceUri="/x")
    with pytest.raises(PermanentEngineError, match="/x"):
        routes(resource(apigwResourceUri="/x"), wine)


def test_who_has_no_ready_pod_gets_no_requests_unless_nobody_has() -> None:
    one, two = twice()
    unready = resource(values={"id": samples.SECOND_ID, "state": {"readyPods": 0}}, podCount=3)

    def weights(*of: Record) -> list[int]:
        return [ref["weight"] for ref in routes(*of)[0]["spec"]["rules"][0]["backendRefs"]]

    assert weights(one, two) == [1, 3]
    assert weights(one, unready) == [1, 0]
    assert weights(resource(values={"state": {}}), unready) == [1, 3]
