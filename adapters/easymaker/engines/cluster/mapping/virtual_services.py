"""A stage's rules as Istio VirtualServices, for clusters without the Gateway API. Pure."""

import re

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import VIRTUAL_SERVICE
from adapters.easymaker.engines.cluster.mapping import backends
from adapters.easymaker.engines.cluster.mapping.stage_routes import Match, ModelRoutes, Publication, RouteRule, Target
from adapters.easymaker.engines.cluster.names import namespace_of
from adapters.easymaker.kinds.record import Json
from kserve_runtimes.oip.routes import VERSION

# What no pod has begun to work on: a prediction may be dear, and a poisonous one deadly.
RETRIES: Json = {"attempts": 4, "retryOn": "connect-failure,refused-stream,reset-before-request"}
_VERSION_PATTERN = "([^/]+)"


def virtual_services(publication: Publication, cluster: ClusterSettings) -> list[Json]:
    """The objects, one per model."""
    return [_virtual_service(model, publication, cluster) for model in publication.models]


def _virtual_service(model: ModelRoutes, publication: Publication, cluster: ClusterSettings) -> Json:
    namespace = namespace_of(publication.record.appkey)
    return {
        "apiVersion": VIRTUAL_SERVICE.api_version,
        "kind": VIRTUAL_SERVICE.kind,
        "metadata": publication.metadata(model),
        "spec": {
            "hosts": [cluster.gateway_host],
            "gateways": [cluster.gateway],
            "http": [_http(rule, namespace, cluster) for rule in model.rules],
        },
    }


def _http(rule: RouteRule, namespace: str, cluster: ClusterSettings) -> Json:
    return {
        "match": [{"uri": _uri(match, rule), "method": {"exact": match.method}} for match in rule.matches],
        "rewrite": _rewrite(rule),
        "route": [_destination(target, namespace, cluster) for target in rule.targets],
        "timeout": backends.TIMEOUT,
        "retries": dict(RETRIES),
    }


def _uri(match: Match, rule: RouteRule) -> Json:
    return {"regex": _pattern(match.path)} if rule.has_version else {"exact": match.path}


def _rewrite(rule: RouteRule) -> Json:
    if not rule.has_version:
        return {"uri": rule.runtime}
    (match,) = rule.matches
    runtime = rule.runtime.replace("\\", "\\\\").replace(VERSION, r"\1")
    return {"uriRegexRewrite": {"match": f"^{_pattern(match.path)}$", "rewrite": runtime}}


def _pattern(path: str) -> str:
    return re.escape(path).replace(re.escape(VERSION), _VERSION_PATTERN)


def _destination(target: Target, namespace: str, cluster: ClusterSettings) -> Json:
    found = backends.backend(target.resource_id, namespace, cluster)
    destination: Json = {
        "destination": {"host": found.host, "port": {"number": backends.PORT}},
        "weight": target.weight,
    }
    if found.host_header is not None:
        destination["headers"] = {"request": {"set": {"Host": found.host_header}}}
    return destination
