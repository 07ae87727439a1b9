"""What an HTTP request asks of an API server, in RBAC's words: verb, group, resource, subresource, namespace, name."""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_NAMESPACE_SUBRESOURCES = {"status", "finalize"}


@dataclass(frozen=True)
class RequestAttributes:
    """``resource`` is empty for paths that are no resource, such as /readyz and the discovery documents."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    query: dict[str, str] = field(default_factory=dict)

    @property
    def full_resource(self) -> str:
        """As RBAC rules write it: ``deployments/scale``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def attributes_of(method: str, target: str) -> RequestAttributes:
    split = urlsplit(target)
    query = {key: values[0] for key, values in parse_qs(split.query, keep_blank_values=True).items()}
    parts = [unquote(part) for part in split.path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return RequestAttributes(method.lower(), split.path, query=query)
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""
    if namespace and len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        rest = rest[2:]
    resource, name, subresource = (*rest[:3], "", "", "")[:3]
    if not name:
        # A selected name counts as the request's name, as it does for rules with resourceNames.
        selectors = dict(each.split("=", 1) for each in query.get("fieldSelector", "").split(",") if "=" in each)
        selected = selectors.get("metadata.name", "").removeprefix("=")
    else:
        selected = name
    verb = _verb(method, bool(name), query)
    return RequestAttributes(verb, split.path, group, version, resource, subresource, namespace, selected, query)


def _verb(method: str, named: bool, query: dict[str, str]) -> str:
    if method in ("GET", "HEAD"):
        if query.get("watch") in ("1", "true"):
            return "watch"
        return "get" if named else "list"
    if method == "DELETE":
        return "delete" if named else "deletecollection"
    return _VERBS.get(method, method.lower())


def token_subject(authorization: str) -> str:
    """Who a service account token says it is, unverified; empty for anything else."""
    parts = authorization.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return ""
    return str(claims.get("sub", "")) if isinstance(claims, dict) else ""
