"""What a stage publishes: plain values with a JSON form, one file per stage."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kserve_runtimes.oip.routes import Protocol, model_name_problem, resource_path_problem

# These become file names, path segments and statistics names, so they are held to what all three can carry.
_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_PORTS = range(1, 65536)


@dataclass(frozen=True)
class ResourceRoute:
    """One stage resource: a model and the loopback ports of its ready pods (none: it gets no traffic).

    ``started`` is when the server behind each port was, which tells apart those that follow one another on a port.
    """

    resource_id: str
    model_name: str
    path: str | None
    ports: tuple[int, ...]
    protocols: tuple[Protocol, ...] = ("v1", "v2")
    started: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_id("resource id", self.resource_id)
        if problem := model_name_problem(self.model_name):
            raise ValueError(problem)
        if self.path is not None and (problem := resource_path_problem(self.path, (self.model_name,))):
            raise ValueError(problem)
        if any(port not in _PORTS for port in self.ports):
            raise ValueError(f"The ports {self.ports} are not all between 1 and 65535.")


@dataclass(frozen=True)
class StageRoutes:
    """One stage. ``is_default`` True makes it its endpoint's default; False leaves the default as it is."""

    endpoint_id: str
    stage_id: str
    stage_name: str
    is_default: bool
    resources: tuple[ResourceRoute, ...]

    def __post_init__(self) -> None:
        _check_id("endpoint id", self.endpoint_id)
        _check_id("stage id", self.stage_id)
        _check_id("stage name", self.stage_name)
        models: dict[str, str] = {}
        for resource in self.resources:
            if resource.path and models.setdefault(resource.path, resource.model_name) != resource.model_name:
                raise ValueError(f"Two models of a stage cannot share the API Gateway resource path {resource.path}.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "StageRoutes":
        lists = ("ports", "protocols", "started")
        resources = tuple(
            ResourceRoute(**{**resource, **{name: tuple(resource[name]) for name in lists if name in resource}})
            for resource in value["resources"]
        )
        return cls(**{**value, "resources": resources})


def check_endpoint_id(endpoint_id: str) -> None:
    _check_id("endpoint id", endpoint_id)


def check_stage_id(stage_id: str) -> None:
    _check_id("stage id", stage_id)


def _check_id(what: str, value: str) -> None:
    if not _ID.match(value):
        raise ValueError(f"The {what} {value!r:.80} must be 1 to 64 letters, digits, - or _.")
