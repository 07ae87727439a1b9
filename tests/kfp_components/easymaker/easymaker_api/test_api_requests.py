"""Requests to EasyMaker: who asks, what is repeated and what is not, and when waiting ends."""

from collections.abc import Iterator, Mapping

import pytest

from kfp_components.easymaker.easymaker_api.client import ATTEMPTS, EasyMakerApi
from kfp_components.easymaker.easymaker_api.errors import ApiRefused, ApiUnavailable, ResourceFailed
from kfp_components.easymaker.easymaker_api.settings import LOCAL_URL, ApiNotConfigured, ApiSettings
from tests.kfp_components.easymaker.answering_server import Answer, Request, answering

GOOD = {"isSuccessful": True}


def bad(status: int, message: str, code: str = "") -> Answer:
    return status, {"header": {"isSuccessful": False, "resultMessage": message, "errorCode": code}}


def api(url: str, **settings: Mapping[str, str]) -> EasyMakerApi:
    """It does not really pause."""
    return EasyMakerApi(ApiSettings(url, "team", **settings), sleep=lambda seconds: None)


@pytest.mark.parametrize(
    ("environ", "url", "headers"),
    [
        ({"EM_API_URL": "http://em/", "EM_PROFILE": "local", "EM_TOKEN": "t"}, "http://em", {"X-EasyMaker-Token": "t"}),
        ({"EM_PROFILE": "local", "EM_ACCESS_TOKEN": "a"}, LOCAL_URL, {"x-nhn-authorization": "Bearer a"}),
    ],
)  # fmt: skip
def test_the_environment_is_read_as_the_sdk_reads_it(
    environ: dict[str, str], url: str, headers: dict[str, str]
) -> None:
    settings = ApiSettings.required(environ)
    assert (settings.url, settings.headers) == (url, headers)
    assert "'t'" not in repr(settings)


@pytest.mark.parametrize("environ", [{}, {"EM_APPKEY": "team", "EM_TOKEN": "t"}, {"EM_PROFILE": "alpha"}])
def test_without_an_address_there_is_no_api(environ: dict[str, str]) -> None:
    assert ApiSettings.found_in(environ) is None
    with pytest.raises(ApiNotConfigured, match="EM_API_URL"):
        ApiSettings.required(environ)


def test_a_create_is_repeated_with_one_key_and_carries_its_run() -> None:
    """So that a lost answer does not make two of it."""
    answers: Iterator[Answer] = iter([(503, "busy"), None, (200, {"header": GOOD, "model": {"modelId": "m"}})])
    environ = {"EM_API_URL": "http://x", "EM_PIPELINE_RUN_ID": "run", "EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME": "train"}
    with answering(lambda request: next(answers)) as server:
        client = api(server.url, lineage=ApiSettings.required(environ).lineage)
        made = client.create("models", "model", {"modelName": "iris", "description": None})
    assert made == {"modelId": "m"}
    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 1
    assert len(server.requests) == 3
    assert server.requests[0].path == "/v1.0/appkeys/team/models"
    assert server.requests[0].body == {
        "modelName": "iris", "parentPipelineRunId": "run", "parentPipelineRunTaskName": "train",
    }  # fmt: skip


def test_a_refusal_is_told_and_not_repeated() -> None:
    taken = r"POST .*/models: the name is taken"
    conflict = bad(409, "the name is taken", "CONFLICT")
    with answering(lambda request: conflict) as server, pytest.raises(ApiRefused, match=taken) as refused:
        api(server.url).create("models", "model", {})
    assert (refused.value.status, refused.value.code) == (409, "CONFLICT")
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", "7"])
def test_an_answer_of_somebody_else_is_told(body: str) -> None:
    with answering(lambda request: (200, body)) as server, pytest.raises(ApiRefused, match="no answer of EasyMaker"):
        api(server.url).get("/models")


def test_an_api_that_stays_away_is_given_up() -> None:
    with answering(lambda request: (503, "")) as server, pytest.raises(ApiUnavailable, match="it answered 503"):
        api(server.url).get("/models")
    assert len(server.requests) == ATTEMPTS
    with pytest.raises(ApiUnavailable):
        api(server.url).get("/models")


def test_deleting_what_is_gone_is_a_success_and_nothing_else_is() -> None:
    with answering(lambda request: bad(404, "no such stage")) as server:
        api(server.url).delete("/endpoint-stages/x")
    with answering(lambda request: bad(409, "the default stage")) as server, pytest.raises(ApiRefused):
        api(server.url).delete("/endpoint-stages/x")


def waited(*statuses: str) -> tuple[int, str]:
    """How often it was looked, and the last status."""
    left = list(statuses)

    def look(request: Request) -> Answer:
        status = left.pop(0)
        return 200, {"header": GOOD, "model": {"modelStatusCode": status, "modelStatusReason": "there is no file"}}

    with answering(look) as server:
        last = api(server.url).wait("models", "model", "m")["modelStatusCode"]
    return len(server.requests), last


def test_waiting_ends_when_it_is_ready_or_never_will_be() -> None:
    assert waited("CREATE_REQUESTED", "CREATE_IN_PROGRESS", "ACTIVE") == (3, "ACTIVE")
    # Of a tuning that fails: not yet the last word.
    with pytest.raises(ResourceFailed, match="is STOPPED: there is no file"):
        waited("STOP_IN_PROGRESS", "STOPPED")
    with pytest.raises(ResourceFailed, match="is CREATE_FAILED"):
        waited("CREATE_FAILED")
