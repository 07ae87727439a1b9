"""`routes`: every route of the API with its access rule, read from the application itself."""

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
    rows: list[dict[str, Any]] = []
    for route in door.app.routes:
        endpoint = getattr(route, "endpoint", None)
        value = rule_of(endpoint) if endpoint else None
        for method in sorted(getattr(route, "methods", None) or ()):
            summary = route.summary if isinstance(route, APIRoute) else ""
            rows.append(
                {
                    "method": method,
                    "path": route.path,
                    "rule": str(value) if value else "closed",
                    "summary": summary or "",
                }
            )
    return sorted(rows, key=lambda row: (row["path"], row["method"]))


def routes(installation: Installation, form: Format) -> None:
    rows = table_of(installation)
    if form is Format.JSON:
        output.print_json({"routes": rows})
        return
    columns = {"method": "METHOD", "path": "PATH", "rule": "RULE", "summary": ""}
    output.out().print(output.table(columns, rows))
