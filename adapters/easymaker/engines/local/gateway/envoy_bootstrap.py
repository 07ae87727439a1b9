"""Envoy's fixed configuration: listeners, TLS, header rules, admin. Pure.

What changes at run time (routes, clusters, the certificate) is read from files that are replaced by moves.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.gateway.envoy_routes import (
    INFERENCE_TIMEOUT,
    ROUTES,
    Document,
    loopback,
    upstream_options,
)

CERTIFICATE = "server_certificate"
OBJECT_STORAGE = "object_storage"
_TYPE = "type.googleapis.com/"
_MAX_CONNECTIONS = 8192
_HEADER_KB = 32
_PATTERN_SIZE = 10_000
_STORAGE_IDLE = "600s"

# Identity headers that Kubeflow's own parts trust, the adapter's tokens and cookies: model servers run users' code, so
# none of these may get there, whoever sends them.
_PRIVATE_HEADERS = (
    "authorization",
    "cookie",
    "kubeflow-userid",
    "kubeflow-groups",
    "proxy-authorization",
    "x-auth-token",
    "x-easymaker-token",
    "x-nhn-authorization",
    "x-goog-authenticated-user-email",
)
_INTERNAL_PREFIXES = ("x-envoy-", "x-forwarded-", "x-backend-", "ce-")


@dataclass(frozen=True)
class Ports:
    https: int
    # (TLS port, plain upstream port), where there is an object storage to publish.
    object_storage: tuple[int, int] | None = None


@dataclass(frozen=True)
class Files:
    """Where Envoy reads what changes; ``admin`` is relative to its working directory (socket paths are short)."""

    routes: Path
    clusters: Path
    secrets: Path
    admin: str


def bootstrap(ports: Ports, files: Files) -> Document:
    """The whole start-up document."""
    listeners = [_listener("endpoints", ports.https, _endpoint_connections(files), files)]
    static_clusters: list[Document] = []
    if ports.object_storage is not None:
        tls_port, plain_port = ports.object_storage
        listeners.append(_listener(OBJECT_STORAGE, tls_port, _storage_connections(), files))
        static_clusters.append(_storage_cluster(plain_port))
    return {
        "node": {"id": "gateway", "cluster": "kubeflow-easymaker"},
        "admin": {"address": {"pipe": {"path": files.admin, "mode": 0o600}}},
        "static_resources": {"listeners": listeners, "clusters": static_clusters},
        "dynamic_resources": {"cds_config": _from_file(files.clusters)},
        # Patterns are ours, with model names escaped in them: long, never costly.
        "layered_runtime": {
            "layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": _PATTERN_SIZE}}]
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{_TYPE}envoy.extensions.resource_monitors.downstream_connections.v3"
                        ".DownstreamConnectionsConfig",
                        "max_active_downstream_connections": _MAX_CONNECTIONS,
                    },
                }
            ]
        },
    }


def secrets(chain: Path, key: Path) -> Document:
    """The certificate document; a renewal is a new file name in it."""
    return {
        "@type": f"{_TYPE}envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": CERTIFICATE,
        "tls_certificate": {
            "certificate_chain": {"filename": str(chain)},
            "private_key": {"filename": str(key)},
        },
    }


def _from_file(path: Path) -> Document:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3", "initial_fetch_timeout": "5s"}


def _listener(name: str, port: int, connections: Document, files: Files) -> Document:
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        # Otherwise a second Envoy could bind the same port and take half the connections, unnoticed.
        "enable_reuse_port": False,
        "filter_chains": [
            {
                "filters": [{"name": "http", "typed_config": connections}],
                "transport_socket": {"name": "tls", "typed_config": _tls(files)},
                "transport_socket_connect_timeout": "10s",
            }
        ],
    }


def _tls(files: Files) -> Document:
    return {
        "@type": f"{_TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificate_sds_secret_configs": [{"name": CERTIFICATE, "sds_config": _from_file(files.secrets)}],
        },
    }


def _connections(name: str) -> Document:
    """What both listeners hold to: RELIABILITY rows 14 and 30."""
    return {
        "@type": f"{_TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": "AUTO",
        "normalize_path": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "strip_any_host_port": False,
        # Nobody counts as internal: only then are Envoy's control headers dropped from loopback clients too.
        "use_remote_address": True,
        "internal_address_config": {"unix_sockets": False},
        "skip_xff_append": True,
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "max_request_headers_kb": _HEADER_KB,
        "common_http_protocol_options": {
            "idle_timeout": "600s",
            "max_headers_count": 100,
            "headers_with_underscores_action": "DROP_HEADER",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "request_headers_timeout": "15s",
        "drain_timeout": "10s",
    }


def _endpoint_connections(files: Files) -> Document:
    return {
        **_connections("endpoints"),
        "merge_slashes": True,
        "request_timeout": INFERENCE_TIMEOUT,
        "stream_idle_timeout": INFERENCE_TIMEOUT,
        "rds": {"route_config_name": ROUTES, "config_source": _from_file(files.routes)},
        "http_filters": [_header_filter(_PRIVATE_HEADERS, _INTERNAL_PREFIXES), _router()],
        "local_reply_config": {
            "mappers": [_opaque(status, sentence) for status, sentence in _OPAQUE],
            "body_format": {"json_format": {"error": "%LOCAL_REPLY_BODY%"}},
        },
    }


# Envoy's own words for these name addresses and internals.
_OPAQUE = (
    (400, "The request is malformed."),
    (408, "The request took too long to arrive."),
    (413, "The body is too large."),
    (431, f"The headers are larger than {_HEADER_KB} KiB."),
    (502, "The model server sent no valid answer."),
    (503, "No pod of the model can be reached; try again later."),
    (504, f"The model did not answer within {INFERENCE_TIMEOUT.removesuffix('s')} seconds."),
)


def _opaque(status: int, sentence: str) -> Document:
    return {
        "filter": {
            "status_code_filter": {
                "comparison": {"op": "EQ", "value": {"default_value": status, "runtime_key": f"gateway.{status}"}}
            }
        },
        "body": {"inline_string": sentence},
    }


def _storage_connections() -> Document:
    """No limit on how long a body takes, only on silence: uploads are gigabytes. Object names may have // in them."""
    return {
        **_connections(OBJECT_STORAGE),
        "merge_slashes": False,
        "request_timeout": "0s",
        "stream_idle_timeout": _STORAGE_IDLE,
        "http_filters": [_header_filter((), _INTERNAL_PREFIXES), _router()],
        "route_config": {
            "name": OBJECT_STORAGE,
            "response_headers_to_remove": ["server"],
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "route": {
                                "cluster": OBJECT_STORAGE,
                                "timeout": "0s",
                                "idle_timeout": _STORAGE_IDLE,
                                "retry_policy": {"retry_on": "connect-failure", "num_retries": 2},
                            },
                        }
                    ],
                }
            ],
        },
    }


def _storage_cluster(port: int) -> Document:
    return {
        "name": OBJECT_STORAGE,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": OBJECT_STORAGE,
            "endpoints": [{"lb_endpoints": [loopback(port)]}],
        },
        "typed_extension_protocol_options": upstream_options("30s"),
    }


def _header_filter(names: tuple[str, ...], prefixes: tuple[str, ...]) -> Document:
    removals: list[dict[str, Any]] = [{"remove": name} for name in names]
    removals += [_without(prefix) for prefix in prefixes]
    return {
        "name": "headers",
        "typed_config": {
            "@type": f"{_TYPE}envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {"request_mutations": removals, "response_mutations": [_without("x-envoy-")]},
        },
    }


def _without(prefix: str) -> Document:
    return {"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}}


def _router() -> Document:
    return {
        "name": "router",
        "typed_config": {
            "@type": f"{_TYPE}envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": True,
        },
    }
