"""`status`: the parts, and how many resources of each kind are in which status."""

from collections import Counter
from typing import Any

from adapters.easymaker.cli import output, parts
from adapters.easymaker.cli.client import ApiClient
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import Format
from adapters.easymaker.cli.up import summary
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.kind import Kind

PAGE = 1000


def status(installation: Installation, form: Format) -> bool:
    """Print it; whether everything runs."""
    seen = parts.look(installation)
    running = parts.all_running(seen)
    answering = any(part.name == "API" and part.state == "RUNNING" for part in seen)
    counts = _counts(ApiClient(installation)) if answering else []
    if form is Format.JSON:
        output.print_json(summary(installation, seen) | {"resources": counts})
        return running
    console = output.out()
    columns = {"name": "PART", "state": "STATE", "address": "ADDRESS", "detail": ""}
    console.print(output.table(columns, parts.as_json(seen)))
    if answering:
        rows = [_row(entry) for entry in counts if entry["total"]]
        console.print()
        if rows:
            console.print(output.table({"kind": "RESOURCES", "total": "COUNT", "statuses": "BY STATUS"}, rows))
        else:
            console.print(f"no resources yet in appkey {installation.settings.appkey}")
    return running


def _counts(client: ApiClient) -> list[dict[str, Any]]:
    counts: list[dict[str, Any]] = []
    ids: dict[str, list[str]] = {}
    for kind in KINDS:
        found: Counter[str] = Counter()
        ids[kind.name] = []
        for scope in _scopes(kind, ids):
            statuses, listed = _one_list(client, kind, scope)
            found += statuses
            ids[kind.name] += listed
        counts.append({"kind": kind.title, "total": found.total(), "statuses": dict(sorted(found.items()))})
    return counts


def _scopes(kind: Kind, ids: dict[str, list[str]]) -> list[dict[str, str]]:
    """Queries that together list all of a kind: one, or one per parent where a list asks for its parent."""
    required = next((link for link in kind.filters if link.required), None)
    if required is None:
        return [{}]
    return [{required.query: parent} for parent in ids.get(kind.link(required.role).kind, [])]


def _one_list(client: ApiClient, kind: Kind, scope: dict[str, str]) -> tuple[Counter[str], list[str]]:
    page = client.get_resource(f"/{kind.plural}", scope | {"limit": PAGE})
    items = page[kind.list_key]
    ids = [item[kind.id_field] for item in items]
    if page["totalCount"] <= PAGE:
        return Counter(item[kind.status_field] for item in items), ids
    # Too many to fetch: their number alone is asked for, status by status.
    counted = {
        status: client.get_resource(f"/{kind.plural}", scope | {"limit": 1, "status": status})["totalCount"]
        for status in kind.lifecycle.statuses
    }
    return Counter({status: count for status, count in counted.items() if count}), ids


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    words = ", ".join(f"{count} {name}" for name, count in entry["statuses"].items())
    return {"kind": entry["kind"], "total": entry["total"], "statuses": words}
