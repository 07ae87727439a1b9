"""Every route states what it lets a caller do; a route that states nothing is refused. A test lists all routes."""

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from fastapi import Request, Response
from fastapi.routing import APIRoute

from adapters.easymaker.access import READING, Access, AccessPolicy, Authenticator, Principal, Role, Verb
from adapters.easymaker.api.authentication import bearer
from adapters.easymaker.errors import Forbidden, InvalidRequest

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

# Threads for asking who may do what. They are not those that answer: when whoever is asked hangs, the rest goes on.
ASKING_THREADS = 32
_ASKING: RunVar[CapacityLimiter] = RunVar("easymaker-asking")


class Rule(StrEnum):
    """PUBLIC: nothing to protect. SIGNED_IN: any valid token. READ, WRITE: as the policy says for the appkey.

    TICKET: the endpoint checks a signed ticket in the URL itself, for pages that a browser opens.
    """

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    READ = "read"
    WRITE = "write"
    TICKET = "ticket"


def rule(value: Rule) -> Callable[[Endpoint], Endpoint]:
    """For routes that are no appkey's: PUBLIC, SIGNED_IN or TICKET."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.__easymaker_rule__ = value  # type: ignore[attr-defined]
        return endpoint

    return mark


def access(kind_plural: str, *verbs: Verb) -> Callable[[Endpoint], Endpoint]:
    """For routes below an appkey: the caller needs all of these verbs. Makes the rule READ or WRITE."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.__easymaker_access__ = (kind_plural, verbs)  # type: ignore[attr-defined]
        return rule(Rule.READ if READING.issuperset(verbs) else Rule.WRITE)(endpoint)

    return mark


def rule_of(endpoint: Callable[..., Any]) -> Rule | None:
    return getattr(endpoint, "__easymaker_rule__", None)


def access_of(endpoint: Callable[..., Any]) -> tuple[str, tuple[Verb, ...]]:
    """The resource and the verbs that a route below an appkey asks for."""
    return getattr(endpoint, "__easymaker_access__", ("", ()))


class RolePolicy:
    """Of a local installation: the token file gives each token a role per appkey. A reader reads, an owner does all."""

    def authorize(self, principal: Principal, access: Access) -> None:
        role = principal.role(access.appkey)
        if role is None:
            raise Forbidden(f"the token has no access to appkey {access.appkey}")
        if access.verb not in READING and role is not Role.OWNER:
            raise Forbidden(f"the token may only read in appkey {access.appkey}")


def _asked(endpoint: Callable[..., Any], request: Request) -> list[Access]:
    """What the policy is asked. A list and a create mean no resource by name.

    Raises:
        Forbidden: the route does not say what it needs, or has no appkey.
    """
    if rule_of(endpoint) is Rule.SIGNED_IN:
        return []
    plural, verbs = access_of(endpoint)
    appkey = request.path_params.get("appkey", "")
    if not (plural and verbs and appkey):
        raise Forbidden("this path has no access rule and is closed")
    name = request.path_params.get("resource_id", "")
    return [Access(verb, plural, appkey, "" if verb in (Verb.LIST, Verb.CREATE) else name) for verb in verbs]


async def _admit(endpoint: Callable[..., Any], request: Request) -> Principal:
    """Who calls, once the policy has allowed what the route does."""
    authenticator: Authenticator = request.app.state.authenticator
    policy: AccessPolicy = request.app.state.policy
    token = bearer(request.headers, authenticator.longest_token)
    asked = _asked(endpoint, request)

    def ask() -> Principal:
        principal = authenticator.authenticate(token)
        for wanted in asked:
            policy.authorize(principal, wanted)
        return principal

    return await anyio.to_thread.run_sync(ask, limiter=_asking_limiter())


def _asking_limiter() -> CapacityLimiter:
    try:
        return _ASKING.get()
    except LookupError:
        limiter = CapacityLimiter(ASKING_THREADS)
        _ASKING.set(limiter)
        return limiter


class GuardedRoute(APIRoute):
    """Checks the rule before the endpoint runs, and reads the body so that endpoints can stay synchronous."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if rule_of(endpoint) in (Rule.PUBLIC, Rule.TICKET):
            options["openapi_extra"] = {**(options.get("openapi_extra") or {}), "security": []}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        value = rule_of(self.endpoint)

        async def guarded(request: Request) -> Response:
            if value is None:
                raise Forbidden("this path has no access rule and is closed")
            if "\x00" in request.url.path or "%00" in request.url.query:
                raise InvalidRequest("the URL contains a NUL character")
            if value not in (Rule.PUBLIC, Rule.TICKET):
                request.state.principal = await _admit(self.endpoint, request)
            if request.method in ("POST", "PUT", "PATCH"):
                request.state.body = await request.body()
            return await handle(request)

        return guarded
