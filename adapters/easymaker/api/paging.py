"""Queries. Those of lists filter, search, sort and page.

Without ``page`` and ``limit`` a list is whole, as the SDK expects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds.kind import Kind, QueryParameter
from adapters.easymaker.store.pages import Page

SORTS = {
    "createdDatetime": "created_at",
    "updatedDatetime": "updated_at",
    "name": "name",
    "status": "status",
}
DEFAULT_LIMIT = 20
MAX_LIMIT = 1000
MAX_PAGE = 1_000_000


@dataclass(frozen=True)
class Wanted:
    page: Page
    number: int | None
    limit: int | None


def _one(query: QueryParams, name: str) -> str | None:
    values = query.getlist(name)
    if len(values) > 1:
        raise InvalidRequest(f"{name}: is given {len(values)} times")
    return values[0] if values else None


def texts(query: QueryParams, declared: Sequence[QueryParameter]) -> dict[str, str]:
    """Those of a kind's own parameters that are given.

    Raises:
        InvalidRequest: one is given twice.
    """
    found = {each.name: _one(query, each.name) for each in declared}
    return {name: value for name, value in found.items() if value}


def _number(query: QueryParams, name: str, default: int, most: int) -> int:
    text = _one(query, name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:12]) <= most:
        raise InvalidRequest(f"{name}: must be a whole number from 1 to {most}")
    return int(text)


def _many(query: QueryParams, name: str) -> list[str]:
    return [part for value in query.getlist(name) for part in value.split(",") if part]


def read(kind: Kind, query: QueryParams) -> Wanted:
    """Raises InvalidRequest when a parameter is malformed, missing, or names a status that the kind does not have."""
    paged = "page" in query or "limit" in query
    number = _number(query, "page", 1, MAX_PAGE)
    limit = _number(query, "limit", DEFAULT_LIMIT, MAX_LIMIT)
    sort = _one(query, "sort")
    sort = "-createdDatetime" if sort is None else sort
    if sort.lstrip("-") not in SORTS or sort.startswith("--"):
        raise InvalidRequest(f"sort: must be one of {', '.join(SORTS)}, with - in front for descending")
    # An empty one is none of them either.
    statuses = [part for value in query.getlist("status") for part in value.split(",")]
    unknown = sorted(set(statuses) - set(kind.lifecycle.statuses))
    if unknown:
        raise InvalidRequest(f"status: {unknown[0]} is none of {', '.join(kind.lifecycle.statuses)}")
    links: dict[str, str] = {}
    for link in kind.filters:
        value = _one(query, link.query)
        if value:
            links[link.role] = value
        elif link.required:
            raise InvalidRequest(f"{link.query}: is needed in the query")
    page = Page(
        ids=_many(query, f"{kind.key}IdList"),
        names=query.getlist(f"{kind.key}NameList"),
        search=_one(query, "name") or "",
        statuses=statuses,
        links=links,
        sort=SORTS[sort.lstrip("-")],
        descending=sort.startswith("-"),
        limit=limit if paged else None,
        offset=(number - 1) * limit if paged else 0,
    )
    return Wanted(page, number if paged else None, limit if paged else None)


def one(name: str, schema: dict[str, Any], told: str, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": told}


def own(declared: Sequence[QueryParameter]) -> list[dict[str, Any]]:
    """A kind's own query parameters for the API's documentation."""
    return [one(each.name, {"type": "string"}, each.description) for each in declared]


def parameters(kind: Kind) -> list[dict[str, Any]]:
    """The query parameters for the API's documentation."""

    text = {"type": "string"}
    several = {"type": "array", "items": text}
    statuses = {"type": "array", "items": {"type": "string", "enum": list(kind.lifecycle.statuses)}}
    sorts = [sign + name for name in SORTS for sign in ("", "-")]
    return [
        one(
            "page", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}, "Page number; without it the list is whole"
        ),
        one(
            "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}, f"Page size, {DEFAULT_LIMIT} if left out"
        ),
        one("sort", {"type": "string", "enum": sorts}, "- in front: descending"),
        one("name", text, "Part of the name, in any case"),
        one("status", statuses, "Only these statuses"),
        one(f"{kind.key}IdList", several, "Only these ids"),
        one(f"{kind.key}NameList", several, "Only these exact names"),
        *(one(f.query, text, f"Only those of this {f.role}", f.required) for f in kind.filters),
    ]
