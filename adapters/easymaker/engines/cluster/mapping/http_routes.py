"""A stage's rules as HTTPRoutes of the Gateway API. Pure.

Only what its standard channel has: exact paths and whole rewrites. A path with a version in it is matched by the
prefix before the version, since a whole rewrite cannot carry it; the model server refuses what it does not know. Other
methods have no route, so they are answered like a path that is not there.
"""

from collections.abc import Sequence

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import HTTP_ROUTE
from adapters.easymaker.engines.cluster.mapping import backends
from adapters.easymaker.engines.cluster.mapping.stage_routes import Match, ModelRoutes, Publication, RouteRule, Target
from adapters.easymaker.engines.cluster.names import namespace_of
from adapters.easymaker.kinds.record import Json
from kserve_runtimes.oip.routes import VERSION

MOST_RULES = 16
# Of more stage resources of one model the others get no requests: pods of one resource serve as well.
MOST_BACKENDS = 16


def http_routes(publication: Publication, cluster: ClusterSettings) -> list[Json]:
    """The objects, one per model and as many more as the limit of rules asks for."""
    return [
        _route(publication.metadata(model, number), rules, cluster)
        for model in publication.models
        for number, rules in enumerate(_chunks(_rules(model, publication, cluster)))
    ]


def _chunks(rules: Sequence[Json]) -> list[Sequence[Json]]:
    return [rules[at : at + MOST_RULES] for at in range(0, len(rules), MOST_RULES)]


def _route(meta: Json, rules: Sequence[Json], cluster: ClusterSettings) -> Json:
    namespace, name = cluster.gateway.split("/")
    parent = {"group": HTTP_ROUTE.group, "kind": "Gateway", "namespace": namespace, "name": name}
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.kind,
        "metadata": meta,
        "spec": {"parentRefs": [parent], "hostnames": [cluster.gateway_host], "rules": list(rules)},
    }


def _rules(model: ModelRoutes, publication: Publication, cluster: ClusterSettings) -> list[Json]:
    namespace = namespace_of(publication.record.appkey)
    rendered: list[Json] = []
    prefixes: set[tuple[str, str]] = set()
    for rule in model.rules:
        if not rule.has_version:
            rendered.append(_exact(rule, namespace, cluster))
            continue
        for match in rule.matches:
            prefix = _before_version(match.path)
            # Several rows of the table differ only after the version: one rule matches them all.
            if (match.method, prefix) not in prefixes:
                prefixes.add((match.method, prefix))
                rendered.append(_below(Match(match.method, prefix), rule, namespace, cluster))
    return rendered


def _before_version(path: str) -> str:
    return path[: path.index(f"/{VERSION}")]


def _exact(rule: RouteRule, namespace: str, cluster: ClusterSettings) -> Json:
    matches = [{"path": {"type": "Exact", "value": match.path}, "method": match.method} for match in rule.matches]
    path = {"type": "ReplaceFullPath", "replaceFullPath": rule.runtime}
    return _rule(matches, path, rule.targets, (namespace, cluster))


def _below(prefix: Match, rule: RouteRule, namespace: str, cluster: ClusterSettings) -> Json:
    matches = [{"path": {"type": "PathPrefix", "value": prefix.path}, "method": prefix.method}]
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": _before_version(rule.runtime)}
    return _rule(matches, path, rule.targets, (namespace, cluster))


def _rule(matches: list[Json], path: Json, targets: Sequence[Target], place: tuple[str, ClusterSettings]) -> Json:
    namespace, cluster = place
    kept = sorted(targets, key=lambda target: target.weight == 0)[:MOST_BACKENDS]
    targets = [target for target in targets if target in kept]
    found = [backends.backend(target.resource_id, namespace, cluster) for target in targets]
    rewrite: Json = {"path": path}
    # One host name can be set for the whole rule; with several, each of them has to be set on its own way.
    single = found[0].host_header if len(found) == 1 else None
    if single is not None:
        rewrite["hostname"] = single
    refs = [
        _backend_ref(backend, target.weight, own_host=single is None)
        for backend, target in zip(found, targets, strict=True)
    ]
    return {
        "matches": matches,
        "filters": [{"type": "URLRewrite", "urlRewrite": rewrite}],
        "backendRefs": refs,
        "timeouts": {"request": backends.TIMEOUT},
    }


def _backend_ref(backend: backends.Backend, weight: int, own_host: bool) -> Json:
    ref: Json = {"kind": "Service", "name": backend.service, "port": backends.PORT, "weight": weight}
    if backend.foreign:
        ref["namespace"] = backend.namespace
    if own_host and backend.host_header is not None:
        host = {"name": "Host", "value": backend.host_header}
        ref["filters"] = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [host]}}]
    return ref
