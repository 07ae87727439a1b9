"""What a kind of resource declares. Routes, storage, the loop and the documentation are derived from these."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.errors import Conflict, InvalidRequest
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Goal, Json, NewRecord, Offspring, Record

# Of a resource that was made in a run of a pipeline; the SDK adds them to every create there.
PARENT_FIELDS = ("parentPipelineRunId", "parentPipelineRunTaskName")


@dataclass(frozen=True)
class Site:
    """Where this installation is: what answers need to name addresses. Hosts come without a scheme."""

    region: str
    api_url: str
    gateway_host: str
    tensorboard_uri: Callable[[str, str], str] = field(default=lambda appkey, experiment_id: "")


@dataclass(frozen=True)
class Reference:
    """An id in a request body that names another resource of the same appkey."""

    role: str
    kind: str
    id: str
    field: str


@dataclass(frozen=True)
class Planning:
    """What ``plan`` may look at: the catalogue and the families of everything that the body refers to, by id."""

    catalogue: Catalogue
    site: Site
    new_id: Callable[[], str]
    families: Mapping[str, Family]

    def family(self, resource_id: str) -> Family:
        return self.families[resource_id]


@dataclass(frozen=True)
class Presenting:
    catalogue: Catalogue
    site: Site


@dataclass(frozen=True)
class Link:
    """A kind's pointer to another kind.

    ``ready``: statuses of the target in which this resource can be worked on. ``pending``: statuses in which it waits.
    Anything else is refused at creation, and fails the resource if the target gets there later.
    ``blocks_delete``: the target cannot be deleted as long as this resource is there.
    ``owner``: this resource is part of the target and is deleted with it.
    ``passing``: the target may go while this resource stays, which is then without it.
    """

    role: str
    kind: str
    ready: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    blocks_delete: bool = False
    owner: bool = False
    passing: bool = False


@dataclass(frozen=True)
class LinkFilter:
    """A list query such as ``?experimentId=``; ``required`` where the SDK cannot list without it."""

    query: str
    role: str
    required: bool = False


@dataclass(frozen=True)
class QueryParameter:
    """A text that a caller may add to a query, at most once."""

    name: str
    description: str


@dataclass(frozen=True)
class Report:
    """A read-only view that the driver computes, served at ``GET /{plural}/{id}/{path}`` under ``key``."""

    path: str
    key: str
    summary: str
    query: tuple[QueryParameter, ...] = ()
    example: Any = None


@dataclass(frozen=True)
class Download:
    """Bytes that the driver hands out at ``GET /{plural}/{id}/{path}``; every parameter of ``query`` is needed."""

    path: str
    summary: str
    query: tuple[QueryParameter, ...] = ()


@dataclass(frozen=True)
class Change:
    """What an action does to one resource: merge ``spec``, set goal, status and reason where given."""

    id: str
    spec: Json = field(default_factory=dict[str, Any])
    goal: Goal | None = None
    status: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Action:
    """A verb beyond create, update and delete, served at ``PUT /{plural}/{id}/{path}``.

    ``apply`` is pure: from the family to changes, or a Conflict. ``references`` are the resources that the body names.
    """

    path: str
    summary: str
    apply: Callable[[Family, Any], Sequence[Change]]
    body: type[BaseModel] | None = None
    references: Callable[[Any], Sequence[Reference]] = lambda body: ()
    example: Json = field(default_factory=dict[str, Any])


def allow_delete(family: Family) -> None:
    """The guard of kinds that have no rule of their own beyond statuses and links."""


def no_offspring(family: Family, offspring: Offspring) -> NewRecord:
    """Of kinds that bring nothing forth."""
    raise TypeError(f"a {family.record.kind} brings nothing forth")


@dataclass(frozen=True)
class Kind:
    """One kind of resource, as data plus pure functions (references, plan, present, guard_delete, adapt_template).

    - ``log_part`` picks the log of one part of a resource; ``adapt_template`` is given a template's settings and the
      request, where the same words mean another thing in this kind.
    - ``create_path`` is where a create is posted to below the collection, ``create_name_field`` its name there, if that
      is another. ``asks_for`` names another kind, one of ``may_ask_for``, when that is what a posted body is for;
      ``also_creates`` names kinds of which it needs new ones.
    - ``follows`` are kinds whose members under way concern the one that they point to; ``spawn`` makes the record of
      what a resource brings forth; ``is_parent``: other resources name it as the one that they were made in.
    """

    name: str
    plural: str
    key: str
    title: str
    lifecycle: Lifecycle
    create_body: type[BaseModel]
    update_body: type[BaseModel]
    answer: type[BaseModel]
    plan: Callable[[Any, Planning], Sequence[NewRecord]]
    present: Callable[[Family, Presenting], Json]
    references: Callable[[Any], Sequence[Reference]] = lambda body: ()
    guard_delete: Callable[[Family], None] = allow_delete
    name_field: str | None = None
    unique_by_name: bool = False
    links: tuple[Link, ...] = ()
    filters: tuple[LinkFilter, ...] = ()
    reports: tuple[Report, ...] = ()
    actions: tuple[Action, ...] = ()
    shows_sources: tuple[str, ...] = ()
    rollup: str | None = None
    copyable: bool = False
    template: tuple[str, str] | None = None
    adapt_template: Callable[[Json, Mapping[str, Any]], Json] = lambda settings, given: settings
    create_path: str = ""
    may_ask_for: tuple[str, ...] = ()
    asks_for: Callable[[Mapping[str, Any]], str | None] = lambda given: None
    also_creates: Callable[[Any], Sequence[str]] = lambda body: ()
    create_name_field: str | None = None
    follows: tuple[str, ...] = ()
    spawn: Callable[[Family, Offspring], NewRecord] = no_offspring
    is_parent: bool = False
    downloads: tuple[Download, ...] = ()
    has_logs: bool = False
    log_part: QueryParameter | None = None
    example: Json = field(default_factory=dict[str, Any])

    @property
    def list_key(self) -> str:
        return f"{self.key}List"

    @property
    def id_field(self) -> str:
        return f"{self.key}Id"

    @property
    def status_field(self) -> str:
        return f"{self.key}StatusCode"

    @property
    def posted_name(self) -> str | None:
        """The name in a create body."""
        return self.create_name_field or self.name_field

    def link(self, role: str) -> Link:
        return next(link for link in self.links if link.role == role)

    def summary(self, record: Record | None) -> Json | None:
        """A resource inside another one's answer. Its status must be there: without it the SDK fetches each again."""
        if record is None:
            return None
        answer: Json = {self.id_field: record.id, self.status_field: record.status}
        return answer | ({self.name_field: record.name} if self.name_field else {})

    def common_answer(self, record: Record) -> Json:
        """The fields that every kind answers with."""
        answer: Json = {
            self.id_field: record.id,
            self.status_field: record.status,
            f"{self.key}StatusReason": record.reason,
            "description": record.description,
            "appKey": record.appkey,
            "createdDatetime": record.created_at.isoformat(),
            "updatedDatetime": record.updated_at.isoformat(),
        }
        answer |= {field: record.spec[field] for field in PARENT_FIELDS if field in record.spec}
        if self.name_field:
            answer[self.name_field] = record.name
        return answer


def require_ready(kind: Kind, reference: Reference, target: Record) -> None:
    """Refuse a body that refers to a resource which cannot serve it.

    Raises:
        InvalidRequest: the target is in a status that the link does not allow.
    """
    link = kind.link(reference.role)
    if link.ready and target.status not in link.ready | link.pending:
        wanted = " or ".join(sorted(link.ready | link.pending))
        raise InvalidRequest(
            f"{reference.field}: {link.kind} {target.name or target.id} is {target.status}; it has to be {wanted}"
        )


def require_deletable(kind: Kind, family: Family) -> None:
    """Refuse a delete that the resource's status does not allow.

    Raises:
        Conflict: something is under way, with what to do first.
    """
    record = family.record
    if kind.lifecycle.is_job and record.status not in kind.lifecycle.settled | {kind.lifecycle.deleting}:
        raise Conflict(f"{kind.title} {record.name} is {record.status}: stop it first, then delete it")
    kind.guard_delete(family)
