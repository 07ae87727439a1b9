"""The endpoint API table for a set of published models: which path leads to which servers, as what. Pure.

A local gateway and the routes of a cluster are both rendered from these rules, so that they behave alike.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kserve_runtimes.oip import routes
from kserve_runtimes.oip.routes import DISPATCH, VERSION, Method, bind, bound_routes, unnamed_routes


class Published(Protocol):
    """What serves a model. Several of one model name share its paths; those of one ``path`` share that."""

    @property
    def model_name(self) -> str: ...

    @property
    def path(self) -> str | None:
        """The custom API Gateway resource path."""
        ...

    @property
    def protocols(self) -> Sequence[routes.Protocol]: ...


Server = TypeVar("Server", bound=Published)
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Rule(Generic[Server]):
    """Requests for ``public`` go to ``servers`` as ``runtime``; both hold ``{model_version}`` where ``has_version``."""

    method: Method
    public: str
    runtime: str
    servers: tuple[Server, ...]

    @property
    def has_version(self) -> bool:
        return VERSION in self.public

    @property
    def model_name(self) -> str:
        return self.servers[0].model_name


def by_model(servers: Iterable[Server]) -> dict[str, list[Server]]:
    return _grouped(servers, lambda server: server.model_name)


def published_rules(servers: Sequence[Server]) -> list[Rule[Server]]:
    """All rules of a stage with these servers."""
    rules: list[Rule[Server]] = []
    for name, group in by_model(servers).items():
        rules += [
            Rule(bound.row.method, bound.public, bound.runtime, tuple(group))
            for bound in bound_routes(name, group[0].protocols)
        ]
    return rules + _custom(servers) + _unnamed(servers)


def _custom(servers: Sequence[Server]) -> list[Rule[Server]]:
    by_path = _grouped((server for server in servers if server.path is not None), lambda server: server.path or "")
    return [Rule("POST", path, bind(DISPATCH, group[0].model_name), tuple(group)) for path, group in by_path.items()]


def _unnamed(servers: Sequence[Server]) -> list[Rule[Server]]:
    """Paths that name no model: only where there is one model that they can mean."""
    rules: list[Rule[Server]] = []
    spoken: set[routes.Protocol] = {protocol for server in servers for protocol in server.protocols}
    for row in unnamed_routes(spoken):
        models = list(by_model(server for server in servers if row.protocol in server.protocols).values())
        if len(models) == 1:
            rules.append(Rule(row.method, row.public, row.runtime, tuple(models[0])))
    return rules


def _grouped(servers: Iterable[Server], key: Callable[[Server], Key]) -> dict[Key, list[Server]]:
    groups: defaultdict[Key, list[Server]] = defaultdict(list)
    for server in servers:
        groups[key(server)].append(server)
    return groups
