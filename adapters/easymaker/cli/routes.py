"""`routes`: every route of the API with its access rule, read from the application itself."""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi.routing import APIRoute

from adapters.easymaker.api.rules import rule_of
from adapters.easymaker.app import create_app
from adapters.easymaker.cli import output
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import Format


def table_of(installation: Installation) -> list[dict[str, Any]]:
    """Starts nothing."""
    door: Any = create_app(installation.settings)
    rows = [_row(route, method) for route in _flat(door.app.routes) for method in sorted(route.methods or ())]
    return sorted(rows, key=lambda row: (row["path"], row["method"]))


def _flat(found: Iterable[Any]) -> Iterator[APIRoute]:
    """FastAPI keeps a router that was included as one route, or as its routes, depending on the version."""
    for route in found:
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from _flat(router.routes)
        elif isinstance(route, APIRoute):
            yield route


def _row(route: APIRoute, method: str) -> dict[str, Any]:
    value = rule_of(route.endpoint)
    rule = str(value) if value else "closed"
    return {"method": method, "path": route.path, "rule": rule, "summary": route.summary or ""}


def routes(installation: Installation, form: Format) -> None:
    rows = table_of(installation)
    if form is Format.JSON:
        output.print_json({"routes": rows})
        return
    columns = {"method": "METHOD", "path": "PATH", "rule": "RULE", "summary": ""}
    output.out().print(output.table(columns, rows))
