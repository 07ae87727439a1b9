"""Published stages to Envoy's routes (RDS) and clusters (CDS), as plain dicts. Pure.

A stage resource is two clusters: its pods, and in front of them an aggregate that the routes name and that counts. The
aggregate lists the resource's own pods first and then those of the other resources of the same model, so a request goes
to a resource by weight and, if none of its pods can be reached, to the next one's. A cluster that Envoy replaces may
lose its counters, so an aggregate never changes: with other members it has another name. Pods come and go below it.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.easymaker.engines.local.gateway.stage_routes import ResourceRoute, StageRoutes
from kserve_runtimes.oip.routes import VERSION
from kserve_runtimes.oip.rules import Rule, by_model, published_rules

Document = dict[str, Any]

ROUTES = "endpoints"
INFERENCE_TIMEOUT = "300s"
# A pod closes an idle connection after 75 s (mlserver_process.py): we must be first.
UPSTREAM_IDLE = "60s"
_RETRY_BUFFER_BYTES = 16 * 1024 * 1024
_LIMITS = {"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096, "max_retries": 4096}
_TYPE = "type.googleapis.com/"
_PODS = "pods"
_VERSION_PATTERN = "[^/]+"


def route_configuration(stages: Iterable[StageRoutes], defaults: Mapping[str, str]) -> Document:
    """All routes: a prefix tree by stage, then the stage's own list: a request's cost does not grow with stages."""
    prefixes: Document = {}
    for stage in stages:
        prefixes.update(_entry(f"/{stage.endpoint_id}/stages/{stage.stage_name}", stage))
        if defaults.get(stage.endpoint_id) == stage.stage_id:
            prefixes.update(_entry(f"/{stage.endpoint_id}/default", stage))
    host: Document = {
        "name": "all",
        "domains": ["*"],
        "retry_policy": _retries(),
        "request_body_buffer_limit": _RETRY_BUFFER_BYTES,
    }
    if prefixes:
        host["matcher"] = {
            "matcher_tree": {
                "input": {
                    "name": "path",
                    "typed_config": {
                        "@type": f"{_TYPE}envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                        "header_name": ":path",
                    },
                },
                "prefix_match_map": {"map": prefixes},
            },
            "on_no_match": {"action": _action([_not_found()])},
        }
    else:
        host["routes"] = [_not_found()]
    return {
        "@type": f"{_TYPE}envoy.config.route.v3.RouteConfiguration",
        "name": ROUTES,
        "virtual_hosts": [host],
        "response_headers_to_remove": ["server", "x-powered-by"],
        "validate_clusters": False,
    }


def clusters(stages: Iterable[StageRoutes]) -> list[Document]:
    """All clusters, by name."""
    documents: list[Document] = []
    for stage in stages:
        for group in by_model(stage.resources).values():
            documents += [_pods(resource) for resource in group]
            documents += [_front(resource, group) for resource in group]
    return sorted(documents, key=lambda document: document["name"])


def _entry(prefix: str, stage: StageRoutes) -> Document:
    routes = [route for rule in published_rules(stage.resources) for route in _routes(prefix, rule)]
    return {f"{prefix}/": {"action": _action([*routes, _not_found()])}}


def _action(routes: Sequence[Document]) -> Document:
    return {
        "name": "routes",
        "typed_config": {"@type": f"{_TYPE}envoy.config.route.v3.RouteList", "routes": list(routes)},
    }


def _routes(prefix: str, rule: Rule[ResourceRoute]) -> list[Document]:
    if rule.has_version:
        match, rewrite = _version_match(prefix, rule.public, rule.runtime)
    else:
        match, rewrite = {"path": prefix + rule.public}, {"prefix_rewrite": rule.runtime}
    return _for_method(rule.method, match, {**_target(rule.servers), **rewrite})


def _version_match(prefix: str, public: str, runtime: str) -> tuple[Document, Document]:
    pattern = re.escape(prefix + public).replace(re.escape(VERSION), f"({_VERSION_PATTERN})")
    substitution = runtime.replace("\\", "\\\\").replace(VERSION, r"\1")
    rewrite = {"regex_rewrite": {"pattern": {"regex": f"^{pattern}"}, "substitution": substitution}}
    return {"safe_regex": {"regex": pattern}}, rewrite


def _for_method(method: str, match: Document, target: Document) -> list[Document]:
    """The route for its method, and an answer that names it for every other."""
    header = {"name": ":method", "string_match": {"exact": method}}
    wrong = _reply(405, f"This path takes {method} only.")
    wrong["response_headers_to_add"] = [{"header": {"key": "allow", "value": method}}]
    if "weighted_clusters" not in target:
        served = _reply(503, "The model has no pod that is ready; try again later.")
    else:
        served = {"route": {**target, "timeout": INFERENCE_TIMEOUT}}
    return [{"match": {**match, "headers": [header]}, **served}, {"match": match, **wrong}]


def _retries() -> Document:
    """Only what no pod has begun to work on is sent again: a prediction may be dear, and a poisonous one deadly."""
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": 4,
        "retry_host_predicate": [
            {
                "name": "previous_hosts",
                "typed_config": {
                    "@type": f"{_TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                },
            }
        ],
        "host_selection_retry_max_attempts": 5,
        "retry_priority": {
            "name": "previous_priorities",
            "typed_config": {
                "@type": f"{_TYPE}envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 1,
            },
        },
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.1s"},
    }


def _ready(group: Iterable[ResourceRoute]) -> list[ResourceRoute]:
    return [resource for resource in group if resource.ports]


def _target(group: Sequence[ResourceRoute]) -> Document:
    """Where a model's requests go: by weight of ready pods; nowhere when none is ready."""
    ready = _ready(group)
    if not ready:
        return {}
    weights = [{"name": _front_name(resource, group), "weight": len(resource.ports)} for resource in ready]
    return {"weighted_clusters": {"clusters": weights}}


def counted_for(cluster_name: str) -> str | None:
    """The resource whose requests a cluster counts; None for one that does not count."""
    resource_id, _, kind = cluster_name.partition("~")
    return None if kind in ("", _PODS) else resource_id


def _pods_name(resource: ResourceRoute) -> str:
    return f"{resource.resource_id}~{_PODS}"


def _members(resource: ResourceRoute, group: Iterable[ResourceRoute]) -> list[str]:
    others = sorted(_pods_name(other) for other in group if other.resource_id != resource.resource_id)
    return [_pods_name(resource), *others]


def _front_name(resource: ResourceRoute, group: Iterable[ResourceRoute]) -> str:
    digest = hashlib.sha256(",".join(_members(resource, group)).encode()).hexdigest()
    return f"{resource.resource_id}~{digest[:12]}"


def _front(resource: ResourceRoute, group: Sequence[ResourceRoute]) -> Document:
    return {
        "@type": f"{_TYPE}envoy.config.cluster.v3.Cluster",
        "name": _front_name(resource, group),
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": f"{_TYPE}envoy.extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": _members(resource, group),
            },
        },
    }


def _pods(resource: ResourceRoute) -> Document:
    return {
        "@type": f"{_TYPE}envoy.config.cluster.v3.Cluster",
        "name": _pods_name(resource),
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {
            "cluster_name": _pods_name(resource),
            "endpoints": [{"lb_endpoints": [loopback(port) for port in resource.ports]}],
        },
        "circuit_breakers": {"thresholds": [_LIMITS]},
        # A pod that cannot be reached is left out for a moment; what a model answers (5xx too) never ejects a pod.
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 2,
            "enforcing_consecutive_5xx": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "interval": "1s",
            "base_ejection_time": "1s",
            "max_ejection_time": "5s",
            "max_ejection_percent": 100,
        },
        "typed_extension_protocol_options": upstream_options(UPSTREAM_IDLE),
    }


def loopback(port: int) -> Document:
    return {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}


def upstream_options(idle_timeout: str) -> Document:
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{_TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http_protocol_options": {}},
            "common_http_protocol_options": {"idle_timeout": idle_timeout},
        }
    }


def _reply(status: int, sentence: str) -> Document:
    return {"direct_response": {"status": status, "body": {"inline_string": sentence}}}


def _not_found() -> Document:
    return {"match": {"prefix": "/"}, **_reply(404, "There is no such path here.")}
