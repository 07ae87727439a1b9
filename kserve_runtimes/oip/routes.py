"""The endpoint API table (guide, appendix 10), once, as data.

A local gateway and HTTPRoutes on a cluster are both rendered from it. What is not in the table is not routed: that
keeps the model-control APIs of the servers (repository index, load, unload) out of reach.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

Protocol = Literal["v1", "v2", "openai"]
Method = Literal["GET", "POST"]

MODEL = "{model_name}"
VERSION = "{model_version}"

# RFC 3986: what may stand in a path segment as it is. A client may still escape any of it.
_SEGMENT_SAFE = "-._~!$&'()*+,;=:@"
_PATH_LIMIT = 255
# What the table itself uses as first segment: a custom path may not begin with it.
_RESERVED = ("v1", "v2", "openai")
_CUSTOM_PATH = re.compile(r"^(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+$")


@dataclass(frozen=True)
class ApiRoute:
    """One row: what is published below a stage's URL, and what the model server is asked for it."""

    name: str
    method: Method
    public: str
    runtime: str
    protocol: Protocol

    @property
    def names_model(self) -> bool:
        return MODEL in self.public

    @property
    def has_version(self) -> bool:
        return VERSION in self.public


@dataclass(frozen=True)
class BoundRoute:
    """A row for one model: ready to be matched as it is, but for ``{model_version}`` where ``has_version``."""

    row: ApiRoute
    public: str
    runtime: str


def _versioned(name: str, method: Method, tail: str) -> tuple[ApiRoute, ApiRoute]:
    plain, versioned = f"/v2/models/{MODEL}{tail}", f"/v2/models/{MODEL}/versions/{VERSION}{tail}"
    return (
        ApiRoute(name, method, f"/{MODEL}{plain}", plain, "v2"),
        ApiRoute(f"{name} of a version", method, f"/{MODEL}{versioned}", versioned, "v2"),
    )


ENDPOINT_API: tuple[ApiRoute, ...] = (
    ApiRoute("Model List", "GET", f"/{MODEL}/v1/models", "/v1/models", "v1"),
    ApiRoute("Model Ready", "GET", f"/{MODEL}/v1/models/{MODEL}", f"/v1/models/{MODEL}", "v1"),
    ApiRoute("Inference", "POST", f"/{MODEL}/v1/models/{MODEL}/predict", f"/v1/models/{MODEL}:predict", "v1"),
    ApiRoute("Description", "POST", f"/{MODEL}/v1/models/{MODEL}/explain", f"/v1/models/{MODEL}:explain", "v1"),
    ApiRoute("Server Information", "GET", f"/{MODEL}/v2", "/v2", "v2"),
    ApiRoute("Server Live", "GET", f"/{MODEL}/v2/health/live", "/v2/health/live", "v2"),
    ApiRoute("Server Ready", "GET", f"/{MODEL}/v2/health/ready", "/v2/health/ready", "v2"),
    *_versioned("Model Information", "GET", ""),
    *_versioned("Model Ready", "GET", "/ready"),
    *_versioned("Inference", "POST", "/infer"),
    ApiRoute("Completion", "POST", f"/{MODEL}/openai/v1/completions", "/openai/v1/completions", "openai"),
    ApiRoute(
        "Chat completion", "POST", f"/{MODEL}/openai/v1/chat/completions", "/openai/v1/chat/completions", "openai"
    ),
)

# What the official SDK's predict() asks for when a stage resource has no path of its own. The last two name the model
# in their body only, so they can be published where a stage has exactly one model of that protocol.
SDK_SHORT_PATHS: tuple[ApiRoute, ...] = (
    ApiRoute("SDK predict", "POST", f"/v1/models/{MODEL}/predict", f"/v1/models/{MODEL}:predict", "v1"),
    ApiRoute("SDK infer", "POST", f"/v2/models/{MODEL}/infer", f"/v2/models/{MODEL}/infer", "v2"),
    ApiRoute("SDK completion", "POST", "/v1/completions", "/openai/v1/completions", "openai"),
    ApiRoute("SDK chat completion", "POST", "/v1/chat/completions", "/openai/v1/chat/completions", "openai"),
)

# The runtime's path behind a custom "API Gateway resource path": it answers V1 or V2, as the body asks.
DISPATCH = f"/dispatch/{MODEL}"
READY = f"/v2/models/{MODEL}/ready"


def segment(name: str) -> str:
    """The name as one path segment, the way clients write it."""
    return quote(name, safe=_SEGMENT_SAFE)


def bind(template: str, model_name: str) -> str:
    """The template's path for one model."""
    return template.replace(MODEL, segment(model_name))


def bound_routes(model_name: str, protocols: Collection[Protocol]) -> Iterator[BoundRoute]:
    """All rows that one model of these protocols answers and whose public path names it."""
    for row in (*ENDPOINT_API, *SDK_SHORT_PATHS):
        if row.protocol in protocols and row.names_model:
            yield BoundRoute(row, bind(row.public, model_name), bind(row.runtime, model_name))


def unnamed_routes(protocols: Collection[Protocol]) -> Iterator[ApiRoute]:
    """Rows whose path does not say which model is meant."""
    return (row for row in SDK_SHORT_PATHS if row.protocol in protocols and not row.names_model)


def model_name_problem(name: str) -> str | None:
    """Why a model of this name cannot be served; None when it can."""
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        return f"The model name {name!r} cannot be part of a URL: it must not be . or .. and must have no / or \\."
    return None


def resource_path_problem(path: str, model_names: Collection[str] = ()) -> str | None:
    """Why this cannot be an "API Gateway resource path"; None when it can."""
    if len(path) > _PATH_LIMIT:
        return f"The API Gateway resource path must not be longer than {_PATH_LIMIT} characters."
    if not _CUSTOM_PATH.match(path):
        return "The API Gateway resource path must look like /inference: letters, digits and -._~ after each slash."
    first, *rest = path[1:].split("/")
    if any(part in (".", "..") for part in (first, *rest)):
        return "The API Gateway resource path must not contain . or .. as a part."
    if first in _RESERVED or (first in map(segment, model_names) and rest[:1] and rest[0] in _RESERVED):
        return f"The API Gateway resource path {path} is taken by the endpoint API."
    return None
