"""Whatever a service raises, the caller gets a status that is not UNKNOWN, and a bug is found again in the log."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog.testing

from katib_suggestions.rpc import api_pb2, errors
from katib_suggestions.rpc.calls import MOST_WAITING, Call, Workers
from katib_suggestions.rpc.guard import Answer, Guard
from katib_suggestions.rpc.metrics import Metrics
from katib_suggestions.rpc.problems import joined_problems, split_problems
from katib_suggestions.rpc.services import SUGGESTION, handlers, methods
from katib_suggestions.search_space import InvalidExperiment
from tests.conftest import PATIENCE

METHOD = methods(SUGGESTION)["GetSuggestions"]


async def call(answer: Answer, seconds: float = PATIENCE) -> tuple[grpc.StatusCode, str]:
    """Through a real server and a real channel."""
    server = grpc.aio.server()
    behaviour = Guard(Metrics()).around(METHOD, answer)
    server.add_generic_rpc_handlers((handlers(SUGGESTION, {METHOD.name: behaviour}, parsed=False),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await METHOD.caller(channel)(api_pb2.GetSuggestionsRequest(), timeout=seconds)
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    finally:
        await server.stop(0)
    return grpc.StatusCode.OK, ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidExperiment(["lr: min is above max"]), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.Busy("too many"), grpc.StatusCode.UNAVAILABLE),
        (errors.TooLate("late"), grpc.StatusCode.DEADLINE_EXCEEDED),
        (errors.LogsUnavailable("away"), grpc.StatusCode.UNAVAILABLE),
        (errors.TrialNotFound("none"), grpc.StatusCode.NOT_FOUND),
        (errors.StatusRefused("forbidden"), grpc.StatusCode.PERMISSION_DENIED),
    ],
)
def test_what_is_expected_has_its_own_status_and_words(error: Exception, code: grpc.StatusCode) -> None:
    async def answer(request: Any, call: Call) -> Any:
        raise error

    assert asyncio.run(call(answer)) == (code, str(error))


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyError("x"), MemoryError(), RecursionError(), OSError("x")])
def test_a_bug_is_internal_and_logged_under_the_reference_that_the_caller_gets(error: Exception) -> None:
    async def answer(request: Any, call: Call) -> Any:
        raise error

    with structlog.testing.capture_logs() as logged:
        code, details = asyncio.run(call(answer))
    assert code is grpc.StatusCode.INTERNAL
    (bug,) = [each for each in logged if each["event"] == "bug"]
    assert details.endswith(bug["reference"])
    assert bug["exc_info"]


def test_a_text_of_any_length_and_script_arrives() -> None:
    long = errors.StatusRefused("금지됨 " * 5000)

    async def answer(request: Any, call: Call) -> Any:
        raise long

    code, details = asyncio.run(call(answer))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert details.startswith("금지됨")


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(1)
    yield workers
    workers.close()


def test_work_whose_caller_gave_up_is_never_begun(workers: Workers) -> None:
    begun, release = threading.Event(), threading.Event()
    late: list[str] = []

    def hold() -> None:
        begun.set()
        assert release.wait(PATIENCE)

    async def scenario() -> None:
        holding = asyncio.create_task(workers.run(Call("m"), hold))
        await asyncio.to_thread(begun.wait, PATIENCE)
        hasty = asyncio.create_task(workers.run(Call("m"), lambda: late.append("cancelled")))
        expired = asyncio.create_task(workers.run(Call("m", deadline=0.0), lambda: late.append("expired")))
        await asyncio.sleep(0)
        hasty.cancel()
        await asyncio.sleep(0)
        release.set()
        await holding
        with pytest.raises(asyncio.CancelledError):
            await hasty
        with pytest.raises(errors.TooLate):
            await expired

    asyncio.run(scenario())
    assert late == []


def test_more_calls_than_make_sense_are_refused(workers: Workers) -> None:
    release = threading.Event()

    async def scenario() -> None:
        held = [
            asyncio.create_task(workers.run(Call("m"), lambda: release.wait(PATIENCE))) for _ in range(1 + MOST_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(errors.Busy):
            await workers.run(Call("m"), lambda: True)
        release.set()
        await asyncio.gather(*held)
        assert await workers.run(Call("m"), lambda: True)

    asyncio.run(scenario())


def test_problems_are_joined_until_the_room_is_used_up() -> None:
    assert split_problems(joined_problems(["a is wrong", "b\nis  wrong"])) == ("a is wrong", "b is wrong")
    many = [f"parameter {n}: wrong" for n in range(1000)]
    shown = split_problems(joined_problems(many))
    assert list(shown[:-1]) == many[: len(shown) - 1]
    assert shown[-1] == f"and {1000 - len(shown) + 1} more"
    one = joined_problems(["긴" * 5000])
    assert 0 < len(one) < 1000
