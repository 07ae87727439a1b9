"""What a stage publishes, as rules that know neither the Gateway API nor Istio. Pure.

Each model has routes of its own, named after it: when one model comes or goes, those of the others are not touched.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.easymaker.engines.cluster.mapping.runtimes import RUNTIMES
from adapters.easymaker.engines.cluster.names import DOMAIN, ENDPOINT_ID, STAGE_ID, metadata, object_name
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.endpoint_stage import is_default
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from kserve_runtimes.oip import routes
from kserve_runtimes.oip.routes import VERSION, Method
from kserve_runtimes.oip.rules import Rule, published_rules

RESOURCE = "endpoint-model"
ALIAS = "default"
# Annotations of a route: the model's name, and the stage resources that it leads to.
MODEL = f"{DOMAIN}/model"
LEADS_TO = f"{DOMAIN}/leads-to"
# Of the model's name, in names of objects.
_DIGITS = 10
# The longest path that a Gateway API route takes; Istio sets no limit.
LONGEST_PATH = 1024


@dataclass(frozen=True)
class ModelServer:
    """A stage resource. ``weight`` is its number of pods: not of those that are ready just now, so that scaling does
    not rewrite routes, and the busier of two resources does not draw ever more of the requests.
    """

    resource_id: str
    model_name: str
    path: str | None
    protocols: tuple[routes.Protocol, ...]
    weight: int
    ready: bool


@dataclass(frozen=True)
class Match:
    """``path`` holds ``{model_version}`` where its rule ``has_version``."""

    method: Method
    path: str


@dataclass(frozen=True)
class Target:
    resource_id: str
    weight: int


@dataclass(frozen=True)
class RouteRule:
    """Requests that match any of ``matches`` go to the targets by weight, as ``runtime``."""

    matches: tuple[Match, ...]
    runtime: str
    targets: tuple[Target, ...]

    @property
    def has_version(self) -> bool:
        return VERSION in self.runtime


@dataclass(frozen=True)
class ModelRoutes:
    model_name: str
    rules: tuple[RouteRule, ...]

    @property
    def resource_ids(self) -> list[str]:
        return sorted({target.resource_id for rule in self.rules for target in rule.targets})


@dataclass(frozen=True)
class Publication:
    """All routes below one prefix. They are labelled as ``record``'s: the stage's, or for its alias the endpoint's."""

    record: Record
    prefix: str
    part: str
    stage: Record
    models: tuple[ModelRoutes, ...]

    def metadata(self, model: ModelRoutes, number: int = 0) -> Json:
        """Of the object with these routes; ``number`` counts on where one object cannot hold them all."""
        digest = hashlib.sha256(model.model_name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
        parts = [self.part, digest, str(number) if number else ""]
        name = object_name(self.record.id, "-".join(part for part in parts if part))
        labels = {ENDPOINT_ID: str(self.stage.spec["endpointId"]), STAGE_ID: self.stage.id}
        # Not the name of an endpoint, which can be changed: that is no reason to deploy its routes again.
        annotations: Json = {MODEL: model.model_name, LEADS_TO: ",".join(model.resource_ids)}
        return metadata(self.record, name, labels) | {"annotations": annotations}


def publications(family: Family) -> tuple[Publication, ...]:
    """Of a stage: its own routes, and as its endpoint's default stage those of the endpoint.

    Raises:
        PermanentEngineError: two models claim one path.
    """
    stage, endpoint = family.record, family.ref("endpoint")
    servers = model_servers(family)
    prefix = stage_prefix(stage)
    found = [Publication(stage, prefix, "", stage, model_routes(prefix, servers))]
    if endpoint is not None and is_default(stage, endpoint):
        prefix = f"/{endpoint.id}/{ALIAS}"
        found.append(Publication(endpoint, prefix, ALIAS, stage, model_routes(prefix, servers)))
    return tuple(found)


def stage_prefix(stage: Record) -> str:
    return f"/{stage.spec['endpointId']}/stages/{stage.name}"


def path_problem(stage: Record, record: Record) -> str | None:
    """Why no route can lead to this stage resource; None when one can."""
    rules = published_rules([_server(record)])
    # The prefix of an endpoint's default stage is shorter.
    longest = max(len(path) for rule in rules for path in (rule.runtime, stage_prefix(stage) + rule.public))
    if longest <= LONGEST_PATH:
        return None
    return (
        f"the paths of model {record.spec['modelName']} are longer than the {LONGEST_PATH} characters that a route "
        "takes: its name has too many characters that have to be escaped in a URL"
    )


def model_servers(family: Family) -> list[ModelServer]:
    """A stage's resources that are to stay and can be served at all."""
    live = [r for r in family.sources.get(RESOURCE, ()) if r.goal is Goal.PRESENT]
    served = [record for record in live if record.spec["modelFormatCode"] in RUNTIMES]
    return [_server(record) for record in served if path_problem(family.record, record) is None]


def model_routes(prefix: str, servers: Sequence[ModelServer]) -> tuple[ModelRoutes, ...]:
    """The rules of each model, by name; what leads to the same place in the same way is one rule."""
    _require_one_model_per_path(servers)
    merged: defaultdict[str, dict[object, list[Rule[ModelServer]]]] = defaultdict(dict)
    for rule in published_rules(servers):
        alike = (rule.runtime, rule.servers, rule.public if rule.has_version else "")
        merged[rule.model_name].setdefault(alike, []).append(rule)
    return tuple(
        ModelRoutes(name, tuple(_route_rule(prefix, rules) for rules in merged[name].values()))
        for name in sorted(merged)
    )


def _server(record: Record) -> ModelServer:
    return ModelServer(
        resource_id=record.id,
        model_name=str(record.spec["modelName"]),
        path=record.spec.get("apigwResourceUri"),
        protocols=RUNTIMES[record.spec["modelFormatCode"]].protocols,
        weight=int(record.spec["podCount"]),
        ready=int(record.state.get("readyPods") or 0) > 0,
    )


def _route_rule(prefix: str, rules: Sequence[Rule[ModelServer]]) -> RouteRule:
    matches = tuple(Match(rule.method, prefix + rule.public) for rule in rules)
    return RouteRule(matches, rules[0].runtime, _targets(rules[0].servers))


def _targets(servers: Iterable[ModelServer]) -> tuple[Target, ...]:
    """None without a ready pod gets requests, unless there is no other: then the gateway says that it has none."""
    servers = tuple(servers)
    one_ready = any(server.ready for server in servers)
    return tuple(
        Target(server.resource_id, server.weight if server.ready or not one_ready else 0) for server in servers
    )


def _require_one_model_per_path(servers: Iterable[ModelServer]) -> None:
    models: dict[str, str] = {}
    for server in servers:
        if server.path and models.setdefault(server.path, server.model_name) != server.model_name:
            raise PermanentEngineError(f"two models of a stage claim the API Gateway resource path {server.path}")
