"""The API's route and status tables as Markdown, from the same data that the routes are made of.

``python -m adapters.easymaker.api.reference > docs/api.md`` writes them; a test compares the file with this.
"""

import sys
from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from fastapi.routing import APIRoute

from adapters.easymaker.api import docs, lookups, openapi, paging, routes, system
from adapters.easymaker.api.rules import access_of, rule_of
from adapters.easymaker.kinds import KIND_BY_NAME, KINDS
from adapters.easymaker.kinds.kind import Kind, Link
from adapters.easymaker.kinds.lifecycle import Lifecycle

# Any route may answer these; the route tables name only what comes on top.
COMMON = frozenset({400, 401, 403, 503})

INTRODUCTION = f"""# API reference

<!-- Generated: .venv/bin/python -m adapters.easymaker.api.reference > docs/api.md -->

Request bodies with all their fields, limits and examples are at `/docs` of a running adapter, and as an OpenAPI
document at `/openapi.json`. This page is the overview: routes, who may call them, statuses, error codes.

- **Address**: `http://127.0.0.1:10090`; resources are below `{routes.PREFIX}`.
- **Token**: `X-EasyMaker-Token: …`, or `Authorization: Bearer …`, or `x-nhn-authorization: Bearer …`.
- **Answers** are JSON: `{{"header": {{"isSuccessful": true, "resultCode": 0, "resultMessage": "SUCCESS"}}, …}}`. Of a
  failure, `header.resultMessage` says what is wrong, `header.errorCode` is from the table below and `header.resultCode`
  is the HTTP status times 100.
- **Create** answers at once with the resource in its first status; poll it, or read its events. With an
  `Idempotency-Key` header a create can be repeated safely.
- **Lists** are whole unless `page` or `limit` is given (`limit` is {paging.DEFAULT_LIMIT} if left out, at most
  {paging.MAX_LIMIT}). `name` searches in names, `status` filters (comma-separated or repeated), `sort` is one of
  {", ".join(f"`{name}`" for name in paging.SORTS)}, with `-` in front for descending; newest first if left out.
- **Delete** marks the resource; the row disappears when nothing of it is left. Its events stay readable.
"""

RULES = """## Rules

| rule | who may call |
| --- | --- |
| `public` | anybody who reaches the port with a known `Host` |
| `signed-in` | any valid token |
| `read` | a token with the role `reader` or `owner` in the appkey of the path; on a cluster as below |
| `write` | a token with the role `owner` in the appkey of the path; on a cluster as below |
| `ticket` | whoever holds the signed ticket that is part of the URL (pages that a browser opens) |

A route without a rule is closed.

On a cluster the API server decides (SubjectAccessReview): a route that needs `list trainings` asks whether the caller
may `list` the resource `trainings` of the API group `easymaker.kubeflow.org` in the namespace that is the appkey.
A body that refers to another resource, a template too, needs `get` on that one; a new stage needs `update` on its
endpoint, and a new stage resource on its stage, since they become part of it. What a create makes along with a
resource, and what goes with it when it is deleted, needs nothing more.
"""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _error_codes() -> str:
    rows = [[str(status), f"`{code}`", told] for status, (code, told) in openapi.ERRORS.items()]
    rows.insert(-1, ["500", "`INTERNAL_ERROR`", "A fault of the adapter; its log has the details."])
    common = ", ".join(str(status) for status in sorted(COMMON))
    return (
        "## Error codes\n\n"
        + table(["status", "errorCode", "meaning"], rows)
        + f"\n{common} may come from any route that needs a token; the tables below name what comes on top.\n"
    )


def _routes(found: Iterable[APIRoute]) -> str:
    rows = [
        [
            f"`{method} {route.path.removeprefix(routes.PREFIX)}`",
            rule_of(route.endpoint) or "closed",
            _needs(route),
            ", ".join(str(code) for code in sorted(_failures(route) - COMMON)),
            route.summary or "",
        ]
        for route in found
        for method in sorted(route.methods or ())
    ]
    return table(["route", "rule", "needs", "errors", "what it does"], rows)


def _needs(route: APIRoute) -> str:
    plural, verbs = access_of(route.endpoint)
    return f"`{', '.join(verbs)} {plural}`" if verbs else ""


def _failures(route: APIRoute) -> set[int]:
    return {int(code) for code in route.responses if int(code) >= 400}


def _statuses(lifecycle: Lifecycle) -> str:
    rows = [
        [
            f"`{status}`",
            lifecycle.descriptions.get(status, ""),
            ", ".join(f"`{s}`" for s in lifecycle.statuses if s in lifecycle.transitions.get(status, ())),
        ]
        for status in lifecycle.statuses
    ]
    return table(["status", "meaning", "may be followed by"], rows)


def _links(kind: Kind) -> str:
    told = [f"- {_link(link)}" for link in kind.links]
    if kind.filters:
        told.append(
            "- The list can be filtered by " + ", ".join(_filter(f.query, f.required) for f in kind.filters) + "."
        )
    if kind.unique_by_name:
        told.append("- Names are unique within an appkey.")
    return "\n".join(told) + "\n\n" if told else ""


def _filter(query: str, required: bool) -> str:
    return f"`{query}` (required)" if required else f"`{query}`"


def _link(link: Link) -> str:
    target = KIND_BY_NAME[link.kind].title.lower()
    told = f"Refers to the {target}"
    if link.ready:
        told += f", which has to be {_any(link.ready)}"
    if link.pending:
        told += f"; it waits while that is {_any(link.pending)}"
    if link.blocks_delete:
        told += f"; the {target} cannot be deleted while something refers to it"
    if link.owner:
        told += "; it is part of that and is deleted with it"
    return told + "."


def _any(statuses: Iterable[str]) -> str:
    return " or ".join(", ".join(f"`{status}`" for status in sorted(statuses)).rsplit(", ", 1))


def _of(router: APIRouter) -> list[APIRoute]:
    return [route for route in router.routes if isinstance(route, APIRoute)]


def document() -> str:
    """The whole page."""
    resources = _of(routes.build())
    parts = [INTRODUCTION, _error_codes(), RULES, "## Resources\n\nPaths are below `" + routes.PREFIX + "`.\n"]
    for kind in KINDS:
        found = _routes(route for route in resources if kind.title in route.tags)
        parts.append(f"### {kind.title}\n\n{_links(kind)}{found}\n{_statuses(kind.lifecycle)}")
    parts.append("### Look-ups\n\n" + _routes(_of(lookups.router)))
    parts.append("## Platform\n\n" + _routes([*_of(system.router), *_of(docs.router)]))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(document())
