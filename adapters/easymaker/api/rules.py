"""Every route states its rule; a route without one is refused. A test lists all routes with their rules."""

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute

from adapters.easymaker.api.authentication import Authenticator, Principal, Role, bearer
from adapters.easymaker.errors import Forbidden, InvalidRequest

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Rule(StrEnum):
    """PUBLIC: nothing to protect. SIGNED_IN: any valid token. READ, WRITE: a role in the appkey of the path.

    TICKET: the endpoint checks a signed ticket in the URL itself, for pages that a browser opens.
    """

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    READ = "read"
    WRITE = "write"
    TICKET = "ticket"


def rule(value: Rule) -> Callable[[Endpoint], Endpoint]:
    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.__easymaker_rule__ = value  # type: ignore[attr-defined]
        return endpoint

    return mark


def rule_of(endpoint: Callable[..., Any]) -> Rule | None:
    return getattr(endpoint, "__easymaker_rule__", None)


def authorize(value: Rule, principal: Principal, appkey: str | None) -> None:
    """Raises Forbidden unless the principal may do this in the appkey."""
    if value is Rule.SIGNED_IN:
        return
    role = principal.role(appkey or "")
    if role is None:
        raise Forbidden(f"the token has no access to appkey {appkey}")
    if value is Rule.WRITE and role is not Role.OWNER:
        raise Forbidden(f"the token may only read in appkey {appkey}")


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
                authenticator: Authenticator = request.app.state.authenticator
                principal = authenticator.authenticate(bearer(request.headers))
                authorize(value, principal, request.path_params.get("appkey"))
                request.state.principal = principal
            if request.method in ("POST", "PUT", "PATCH"):
                request.state.body = await request.body()
            return await handle(request)

        return guarded
