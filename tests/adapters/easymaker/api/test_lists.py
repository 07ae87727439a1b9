"""Lists: whole for the SDK, paged, sorted, searched and filtered for the console."""

from typing import Any

import pytest

NAMES = ["alpha 1", "Alpha 2", "beta_1", "beta%2", "gamma"]


@pytest.fixture(scope="module")
def both(installation: Any) -> Any:
    """An appkey that only this module uses, with five experiments made one after the other."""
    api = installation.api(appkey="lists", who="lister")
    for name in NAMES:
        api.create("experiments", "experiment", {"experimentName": name})
    return api


def names(api: Any, query: str = "") -> list[str]:
    return [each["experimentName"] for each in api.ok("GET", f"/experiments{query}")["experimentList"]]


def test_without_paging_the_list_is_whole_and_newest_first(both: Any) -> None:
    body = both.ok("GET", "/experiments")
    assert [each["experimentName"] for each in body["experimentList"]] == NAMES[::-1]
    assert body["totalCount"] == 5
    assert "page" not in body


def test_pages_add_up_and_tell_the_total(both: Any) -> None:
    pages = [both.ok("GET", f"/experiments?page={page}&limit=2&sort=createdDatetime") for page in (1, 2, 3, 4)]
    assert [[each["experimentName"] for each in page["experimentList"]] for page in pages] == [
        NAMES[0:2],
        NAMES[2:4],
        NAMES[4:],
        [],
    ]
    assert {page["totalCount"] for page in pages} == {5}
    assert (pages[1]["page"], pages[1]["limit"]) == (2, 2)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?name=ALPHA&sort=name", {"alpha 1", "Alpha 2"}),
        ("?name=beta_", {"beta_1"}),
        ("?name=%25", {"beta%2"}),
        ("?experimentNameList=gamma&experimentNameList=beta_1", {"gamma", "beta_1"}),
        ("?name=nothing", set()),
        ("?status=CREATE_FAILED", set()),
    ],
)
def test_search_and_filters(both: Any, query: str, expected: set[str]) -> None:
    assert set(names(both, query)) == expected


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?page=0", "page"),
        ("?limit=1001", "limit"),
        ("?limit=ten", "limit"),
        ("?page=99999999999999999999", "page"),
        ("?sort=color", "sort"),
        ("?sort=--name", "sort"),
        ("?status=HAPPY", "status"),
    ],
)
def test_malformed_queries_are_told(both: Any, query: str, told: str) -> None:
    assert told in both.refused("GET", f"/experiments{query}", 400)


def test_lists_that_need_a_parent_say_so(both: Any) -> None:
    assert "endpointId" in both.refused("GET", "/endpoint-stages", 400)
    assert "endpointStageId" in both.refused("GET", "/endpoint-models", 400)
    assert both.ok("GET", "/endpoint-stages?endpointId=none")["endpointStageList"] == []
