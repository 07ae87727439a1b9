"""Which rule of HTTPRoutes a request matches and what becomes of it, by the Gateway API; and the same for Istio."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.easymaker.kinds.record import Json


@dataclass(frozen=True)
class Sent:
    """A request as the backends get it."""

    path: str
    backends: tuple[tuple[str, int], ...]


def by_http_routes(routes: Sequence[Json], method: str, path: str) -> list[Sent]:
    """What the rules that win make of it: exact paths before prefixes, longer prefixes before shorter ones. More than
    one means that it is for the implementation to choose.
    """
    found = list(_matching(routes, method, path))
    best = max((rank for rank, _ in found), default=None)
    return [sent for rank, sent in found if rank == best]


def _matching(routes: Sequence[Json], method: str, path: str) -> Iterator[tuple[tuple[bool, int], Sent]]:
    for route in routes:
        for rule in route["spec"]["rules"]:
            for match in rule["matches"]:
                kind, value = match["path"]["type"], match["path"]["value"]
                exact = kind == "Exact"
                fits = path == value if exact else path == value or path.startswith(value.rstrip("/") + "/")
                if fits and match["method"] == method:
                    yield (exact, len(value)), Sent(_rewritten(rule, value, path), _backends(rule))


def _rewritten(rule: Json, prefix: str, path: str) -> str:
    (rewrite,) = [each["urlRewrite"]["path"] for each in rule["filters"] if each["type"] == "URLRewrite"]
    if rewrite["type"] == "ReplaceFullPath":
        return rewrite["replaceFullPath"]
    return rewrite["replacePrefixMatch"] + path.removeprefix(prefix)


def _backends(rule: Json) -> tuple[tuple[str, int], ...]:
    return tuple((ref["name"], ref["weight"]) for ref in rule["backendRefs"])


def by_virtual_services(services: Sequence[Json], method: str, path: str) -> list[Sent]:
    """All that match: of several VirtualServices of one host no order is promised."""
    found: list[Sent] = []
    for service in services:
        for rule in service["spec"]["http"]:
            for match in rule["match"]:
                uri = match["uri"]
                fits = uri["exact"] == path if "exact" in uri else re.fullmatch(uri["regex"], path) is not None
                if fits and match["method"]["exact"] == method:
                    hosts = tuple((each["destination"]["host"].split(".")[0], each["weight"]) for each in rule["route"])
                    found.append(Sent(_by_istio(rule["rewrite"], path), hosts))
    return found


def _by_istio(rewrite: Json, path: str) -> str:
    if "uri" in rewrite:
        return rewrite["uri"]
    by_pattern = rewrite["uriRegexRewrite"]
    return re.sub(by_pattern["match"], by_pattern["rewrite"], path)
