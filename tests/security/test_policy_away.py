"""When nobody can say who a caller is or what it may do, no route answers, and the rest of the service goes on."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute

from adapters.easymaker.access import Access, Principal
from adapters.easymaker.api import errors, lookups, routes, system
from adapters.easymaker.api.rules import ASKING_THREADS, Rule, rule_of
from adapters.easymaker.errors import Forbidden, NotFound, Unauthenticated, Unavailable

TOKEN = {"Authorization": "Bearer token"}
GUARDED = [
    (method, route)
    for router in (routes.build(), lookups.router, system.router)
    for route in router.routes
    if isinstance(route, APIRoute) and rule_of(route.endpoint) not in (Rule.PUBLIC, Rule.TICKET)
    for method in sorted(route.methods or ())
]
OF_APPKEYS = [(method, route) for method, route in GUARDED if rule_of(route.endpoint) is not Rule.SIGNED_IN]


class Asked:
    """Authenticator and policy in one: says what it is told to say, or fails, or waits."""

    longest_token = 100

    def __init__(self) -> None:
        self.authenticated: Callable[[str], Principal] = lambda token: Principal("alice")
        self.authorized: Callable[[Access], None] = lambda access: None
        self.seen: list[Access] = []

    def authenticate(self, token: str) -> Principal:
        return self.authenticated(token)

    def authorize(self, principal: Principal, access: Access) -> None:
        self.seen.append(access)
        self.authorized(access)


class Nothing:
    """What lies behind the routes."""

    def __getattr__(self, name: str) -> Any:
        raise NotFound("got past the guard")


def failing(error: type[Exception]) -> Callable[[Any], Any]:
    def fail(what: Any) -> Any:
        raise error("as the test wants")

    return fail


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def client(asked: Asked) -> Iterator[httpx.Client]:
    """The real routes, over nothing: whatever gets past the guard is answered with 404."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    errors.install(app)
    for router in (routes.build(), lookups.router, system.router):
        app.include_router(router)
    app.state.authenticator = app.state.policy = asked
    app.state.resources = app.state.catalogue = Nothing()
    app.state.storage_token = None
    with served(app) as url, httpx.Client(base_url=url, timeout=60) as opened:
        yield opened


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Over a real socket, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(60)


def path_of(route: APIRoute) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: "team-a" if found[1] == "appkey" else "some-id", route.path)


def answers(client: httpx.Client, found: list[tuple[str, APIRoute]]) -> set[int]:
    return {client.request(method, path_of(route), headers=TOKEN).status_code for method, route in found}


def test_nobody_gets_in_when_tokens_cannot_be_checked(client: httpx.Client, asked: Asked) -> None:
    asked.authenticated = failing(Unavailable)
    assert answers(client, GUARDED) == {503}
    asked.authenticated = failing(Unauthenticated)
    assert answers(client, GUARDED) == {401}
    assert asked.seen == []


def test_nobody_gets_in_when_rights_cannot_be_checked(client: httpx.Client, asked: Asked) -> None:
    asked.authorized = failing(Unavailable)
    assert answers(client, OF_APPKEYS) == {503}
    asked.authorized = failing(Forbidden)
    assert answers(client, OF_APPKEYS) == {403}


def test_every_route_of_an_appkey_asks_for_it_with_a_verb_and_a_resource(client: httpx.Client, asked: Asked) -> None:
    for method, route in OF_APPKEYS:
        asked.seen.clear()
        assert client.request(method, path_of(route), headers=TOKEN).status_code == 404
        assert asked.seen, route.path
        for access in asked.seen:
            assert access.appkey == "team-a"
            assert access.kind_plural
            # One resource is asked for by its id wherever the path has one.
            names = "{resource_id}" in route.path and access.verb not in ("create", "list")
            assert access.name == ("some-id" if names else "")


def test_a_token_that_is_too_long_is_refused_unread(client: httpx.Client, asked: Asked) -> None:
    asked.authenticated = failing(Unavailable)
    long = {"Authorization": f"Bearer {'x' * (asked.longest_token + 1)}"}
    assert client.get("/v1.0/appkeys/team-a/experiments", headers=long).status_code == 401


def test_slow_answers_hold_up_nobody_else(client: httpx.Client, asked: Asked) -> None:
    """However many wait for the policy: neither the event loop nor the threads that answer are taken."""
    answered, waiting = threading.Event(), threading.Semaphore(0)

    def wait(access: Access) -> None:
        waiting.release()
        assert answered.wait(60)
        raise Forbidden("no")

    asked.authorized = wait
    with ThreadPoolExecutor(ASKING_THREADS + 8) as pool:
        slow = [
            pool.submit(client.get, "/v1.0/appkeys/team-a/experiments", headers=TOKEN)
            for _ in range(ASKING_THREADS + 8)
        ]
        for _ in range(ASKING_THREADS):
            assert waiting.acquire(timeout=60)
        assert client.get("/healthz").status_code == 200
        assert client.get("/nhn-api-gateway").status_code == 200
        answered.set()
        assert {each.result(60).status_code for each in slow} == {403}
