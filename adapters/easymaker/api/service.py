"""What the API does with resources, for any kind: one transaction each, decided by what the kind declares.

The route has asked whether the caller may do this. What a body refers to is asked for in here, always before a
transaction begins: whoever answers may be slow, and nothing may be locked meanwhile.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import structlog
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from adapters.easymaker.access import Access, AccessPolicy, Principal, Verb
from adapters.easymaker.api import bodies, paging
from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.crash_points import crash_point
from adapters.easymaker.engines.base import (
    Content,
    Engine,
    SupportsDownloads,
    SupportsLogs,
    SupportsPartLogs,
    SupportsReports,
)
from adapters.easymaker.engines.secret_store import SecretStore
from adapters.easymaker.errors import Conflict, InvalidRequest, NotFound
from adapters.easymaker.kinds import KIND_BY_NAME, KINDS
from adapters.easymaker.kinds.kind import (
    PARENT_FIELDS,
    Action,
    Download,
    Kind,
    Planning,
    Presenting,
    Reference,
    Report,
    Site,
    require_deletable,
    require_ready,
)
from adapters.easymaker.kinds.record import Family, Goal, Json, NewRecord, Record
from adapters.easymaker.store import events, families, pages, resources
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.resources import Edit, Request

log = structlog.get_logger("easymaker.api")

OWNED_KINDS = tuple(kind.name for kind in KINDS if any(link.owner for link in kind.links))
EVENTS_SHOWN = 1000
MADE_SHOWN = 1000


LONGEST_NAME = 255


@dataclass(frozen=True)
class Caller:
    """Who asks, in which appkey, who decides what it may do there, and the request's Idempotency-Key."""

    appkey: str
    principal: Principal
    policy: AccessPolicy
    request_key: str | None = None

    @property
    def name(self) -> str:
        """As it is recorded: a name that is too long for that keeps its beginning and stays distinct."""
        name = self.principal.name
        if len(name) <= LONGEST_NAME:
            return name
        return f"{name[:190]}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"

    def require(self, verb: Verb, kind: Kind, resource_id: str) -> None:
        """Raises Forbidden unless the caller may do this to that resource."""
        self.policy.authorize(self.principal, Access(verb, kind.plural, self.appkey, resource_id))


def _new_id() -> str:
    return str(uuid.uuid4())


class Resources:
    """All operations raise RequestError subclasses for what the caller can mend, Unavailable when a part is away."""

    def __init__(
        self, database: Database, engine: Engine, catalogue: Catalogue, site: Site, secrets: SecretStore
    ) -> None:
        self._database = database
        self._engine = engine
        self._catalogue = catalogue
        self._site = site
        self._presenting = Presenting(catalogue, site)
        self._secrets = secrets

    def create(self, kind: Kind, caller: Caller, given: Mapping[str, Any]) -> Json:
        """The new resource under its kind's key, which may be another than the ``kind`` of the route."""
        wanted = kind.asks_for(given)
        if wanted is not None:
            kind = KIND_BY_NAME[wanted]
            caller.require(Verb.CREATE, kind, "")
        return {kind.key: self._create(kind, caller, given)}

    def _create(self, kind: Kind, caller: Caller, given: Mapping[str, Any]) -> Json:
        digest = self._secrets.fingerprint(orjson.dumps(given, option=orjson.OPT_SORT_KEYS))
        request = Request(caller.appkey, caller.name, caller.request_key, digest)
        repeated = self._repeated(kind, request)
        if repeated is not None:
            return repeated
        body = bodies.validate(kind.create_body, self._with_template(kind, caller, given))
        references = kind.references(body)
        _require_references(caller, kind, references)
        for other in kind.also_creates(body):
            caller.require(Verb.CREATE, KIND_BY_NAME[other], "")
        with self._database.transaction() as connection:
            earlier = resources.find_by_request(connection, kind.name, request)
            if earlier is None:
                new = _with_parent(body, kind.plan(body, self._planning(connection, kind, caller, references)))
                earlier = resources.create(connection, request, new)
                # Before the commit: nobody can find the resource without its secrets.
                for item in new:
                    if item.secrets:
                        self._secrets.put(caller.appkey, item.id, item.secrets)
                crash_point("api.before_commit")
            answer = self._present(connection, kind, [earlier])[0]
        crash_point("api.after_commit")
        return answer

    def _repeated(self, kind: Kind, request: Request) -> Json | None:
        """The answer to a request that was carried out before, whatever has become of what its body refers to."""
        if request.key is None:
            return None
        with self._database.reading() as connection:
            earlier = resources.find_by_request(connection, kind.name, request)
            return None if earlier is None else self._present(connection, kind, [earlier])[0]

    def _with_template(self, kind: Kind, caller: Caller, given: Mapping[str, Any]) -> Mapping[str, Any]:
        template_id = given.get(kind.template[0]) if kind.template else None
        if kind.template is None or not isinstance(template_id, str):
            return given
        template = KIND_BY_NAME[kind.template[1]]
        caller.require(Verb.GET, template, template_id)
        reference = Reference("template", template.name, template_id, kind.template[0])
        with self._database.reading() as connection:
            record = self._referred(connection, caller, [reference])[template_id]
        return bodies.merge(kind.adapt_template(_settings(record.spec, kind, template), given), given)

    def _referred(
        self, connection: Connection, caller: Caller, references: Sequence[Reference], kind: Kind | None = None
    ) -> dict[str, Record]:
        """The records that a body refers to; for the body of a ``kind``, locked against being deleted meanwhile."""
        found: dict[str, Record] = {}
        for target in sorted({reference.kind for reference in references}):
            wanted = [r for r in references if r.kind == target]
            owner = kind is not None and any(kind.link(r.role).owner for r in wanted)
            lock = None if kind is None else "update" if owner else "share"
            ids = sorted({r.id for r in wanted})
            found |= resources.find(connection, caller.appkey, target, ids, lock)
        for reference in references:
            target = found.get(reference.id)
            title = KIND_BY_NAME[reference.kind].title.lower()
            if target is None:
                raise InvalidRequest(f"{reference.field}: there is no {title} {reference.id}")
            if target.goal is Goal.ABSENT:
                raise InvalidRequest(f"{reference.field}: {title} {target.name or target.id} is being deleted")
            if kind is not None:
                require_ready(kind, reference, target)
        return found

    def _planning(
        self, connection: Connection, kind: Kind, caller: Caller, references: Sequence[Reference]
    ) -> Planning:
        found = self._referred(connection, caller, references, kind)
        loaded = families.load(connection, list(found.values()), refs=False, source_kinds=OWNED_KINDS)
        return Planning(self._catalogue, self._site, _new_id, {family.record.id: family for family in loaded})

    def list_page(self, kind: Kind, appkey: str, query: QueryParams) -> Json:
        wanted = paging.read(kind, query)
        with self._database.reading() as connection:
            records, total = pages.page(connection, appkey, kind.name, wanted.page)
            answer: Json = {kind.list_key: self._present(connection, kind, records), "totalCount": total}
        if wanted.number is not None:
            answer |= {"page": wanted.number, "limit": wanted.limit}
        return answer

    def get(self, kind: Kind, appkey: str, resource_id: str) -> Json:
        with self._database.reading() as connection:
            record = self._find(connection, kind, appkey, resource_id)
            return self._present(connection, kind, [record])[0]

    def update(self, kind: Kind, caller: Caller, resource_id: str, given: Mapping[str, Any]) -> Json:
        body = bodies.validate(kind.update_body, given)
        if kind.update_body is kind.create_body:
            _require_references(caller, kind, kind.references(body))
        with self._database.transaction() as connection:
            record = self._find(connection, kind, caller.appkey, resource_id, lock="update")
            if record.goal is Goal.ABSENT:
                raise Conflict(f"{kind.title} {record.name} is being deleted")
            edit = self._edit(connection, kind, caller, (record, body))
            changed = resources.edit(connection, record, edit, caller.name)
            return self._present(connection, kind, [changed])[0]

    def _edit(self, connection: Connection, kind: Kind, caller: Caller, change: tuple[Record, BaseModel]) -> Edit:
        record, body = change
        if kind.update_body is kind.create_body:
            planned = kind.plan(body, self._planning(connection, kind, caller, kind.references(body)))[0]
            return Edit(planned.name, planned.description, planned.spec)
        given = body.model_dump(by_alias=True, exclude_none=True)
        if not given:
            raise InvalidRequest("nothing to change: give a name or a description")
        name = given.get(kind.name_field or "")
        spec = record.spec | ({kind.name_field: name} if name and kind.name_field else {})
        return Edit(name, given.get("description"), spec, name if kind.unique_by_name else None)

    def delete(self, kind: Kind, caller: Caller, resource_id: str) -> None:
        with self._database.transaction() as connection:
            record = self._find(connection, kind, caller.appkey, resource_id, lock="update")
            if record.goal is Goal.ABSENT and record.status == kind.lifecycle.deleting:
                return
            require_deletable(kind, self._family(connection, record))
            total, named = resources.blockers(connection, record)
            if total:
                names = ", ".join(f"{title.lower()} {name}" for title, name in named)
                more = f" and {total - len(named)} more" if total > len(named) else ""
                raise Conflict(f"{kind.title} {record.name} is used by {names}{more}: delete that first")
            resources.request_delete(connection, record, caller.name)
            crash_point("api.before_commit")
        crash_point("api.after_commit")

    def act(self, kind: Kind, caller: Caller, resource_id: str, action: tuple[Action, Mapping[str, Any]]) -> Json:
        verb, given = action
        body = bodies.validate(verb.body, given) if verb.body else None
        for reference in verb.references(body):
            caller.require(Verb.GET, KIND_BY_NAME[reference.kind], reference.id)
        with self._database.transaction() as connection:
            record = self._find(connection, kind, caller.appkey, resource_id, lock="update")
            if record.goal is Goal.ABSENT:
                raise Conflict(f"{kind.title} {record.name} is being deleted")
            family = self._family(connection, record)
            around = {r.id: r for sources in family.sources.values() for r in sources} | {record.id: record}
            for change in verb.apply(family, body):
                target = around[change.id]
                if change.goal is Goal.ABSENT:
                    resources.request_delete(connection, target, caller.name, change.reason)
                else:
                    resources.change(connection, target, change, caller.name)
            crash_point("api.before_commit")
            changed = self._find(connection, kind, caller.appkey, resource_id)
            answer = self._present(connection, kind, [changed])[0]
        crash_point("api.after_commit")
        return answer

    def settings_to_copy(self, kind: Kind, appkey: str, resource_id: str) -> Json:
        """What Copy takes over: a create body with the resource's name and settings."""
        with self._database.reading() as connection:
            record = self._find(connection, kind, appkey, resource_id)
        return _settings(record.spec, kind, None) | {
            kind.posted_name or "name": record.name,
            "description": record.description,
        }

    def copy(self, kind: Kind, caller: Caller, resource_id: str, given: Mapping[str, Any]) -> Json:
        base = self.settings_to_copy(kind, caller.appkey, resource_id)
        return self._create(kind, caller, bodies.merge(base, given))

    def events(self, kind: Kind, appkey: str, resource_id: str) -> list[Json]:
        """Also of a resource that has been deleted, for as long as its events are kept."""
        with self._database.reading() as connection:
            happened = events.of_resource(connection, appkey, kind.name, resource_id, EVENTS_SHOWN)
        if not happened:
            raise NotFound(f"there is no {kind.title.lower()} {resource_id}")
        return [
            {
                "eventId": event.id,
                "datetime": event.at.isoformat(),
                "actor": event.actor,
                "fromStatusCode": event.from_status,
                "toStatusCode": event.to_status,
                "reason": event.reason,
            }
            for event in happened
        ]

    def report(self, kind: Kind, appkey: str, resource_id: str, report: Report, query: Mapping[str, str]) -> Any:
        driver = self._engine.driver(kind.name)
        if not isinstance(driver, SupportsReports):
            raise NotFound(f"this installation has no {report.path} of a {kind.title.lower()}")
        with self._database.reading() as connection:
            family = self._family(connection, self._find(connection, kind, appkey, resource_id))
        return driver.report(report.path, family, query)

    def download(self, kind: Kind, appkey: str, resource_id: str, what: Download, query: Mapping[str, str]) -> Content:
        missing = [parameter.name for parameter in what.query if parameter.name not in query]
        if missing:
            raise InvalidRequest(f"{', '.join(missing)}: needed in the query")
        driver = self._engine.driver(kind.name)
        if not isinstance(driver, SupportsDownloads):
            raise NotFound(f"this installation has no {what.path} of a {kind.title.lower()}")
        with self._database.reading() as connection:
            family = self._family(connection, self._find(connection, kind, appkey, resource_id))
        return driver.download(what.path, family, query)

    def made_in(self, kind: Kind, appkey: str, resource_id: str) -> list[Json]:
        """What names this resource as the one that it was made in, in short."""
        with self._database.reading() as connection:
            parent = self._find(connection, kind, appkey, resource_id)
            made = resources.made_in(connection, parent, MADE_SHOWN)
        return [
            {
                "resourceType": record.kind,
                "resourceId": record.id,
                "resourceName": record.name,
                "resourceStatusCode": record.status,
                "createdDatetime": record.created_at.isoformat(),
            }
            | {field: record.spec[field] for field in PARENT_FIELDS if field in record.spec}
            for record in made
        ]

    def log_reader(self, kind: Kind, appkey: str, resource_id: str, part: str | None = None) -> "LogReader":
        driver = self._engine.driver(kind.name)
        if not isinstance(driver, SupportsLogs) or (part is not None and not isinstance(driver, SupportsPartLogs)):
            raise NotFound(f"this installation has no log of a {kind.title.lower()}")
        with self._database.reading() as connection:
            family = self._family(connection, self._find(connection, kind, appkey, resource_id))
        return LogReader(driver, family, part)

    def _find(
        self, connection: Connection, kind: Kind, appkey: str, resource_id: str, lock: str | None = None
    ) -> Record:
        found = resources.find(connection, appkey, kind.name, [resource_id], lock).get(resource_id)
        if found is None:
            raise NotFound(f"there is no {kind.title.lower()} {resource_id}")
        return found

    def _family(self, connection: Connection, record: Record) -> Family:
        followed = KIND_BY_NAME[record.kind].follows
        return families.load(connection, [record], refs=True, source_kinds=OWNED_KINDS, followed=followed)[0]

    def _present(self, connection: Connection, kind: Kind, records: Sequence[Record]) -> list[Json]:
        loaded = families.load(connection, records, refs=bool(kind.links), source_kinds=kind.shows_sources)
        return [self._shown(kind, family) for family in loaded]

    def _shown(self, kind: Kind, family: Family) -> Json:
        """A record that cannot be shown, say of an older release, must not hide the others: it is shown in short."""
        try:
            return kind.present(family, self._presenting)
        except Exception:
            log.exception("cannot be shown", kind=kind.name, resource=family.record.id)
            return kind.common_answer(family.record)


@dataclass(frozen=True)
class LogReader:
    """Of a resource, or of one ``part`` of it."""

    driver: SupportsLogs
    family: Family
    part: str | None = None

    def read(self, offset: int, limit: int) -> tuple[bytes, bool]:
        if self.part is not None and isinstance(self.driver, SupportsPartLogs):
            return self.driver.read_part_log(self.family, self.part, offset, limit)
        return self.driver.read_log(self.family, offset, limit)


def _require_references(caller: Caller, kind: Kind, references: Sequence[Reference]) -> None:
    """What a body refers to must be the caller's to see, and the caller's to change where it becomes part of it.

    Raises:
        Forbidden: with the first that is not.
    """
    for reference in references:
        target = KIND_BY_NAME[reference.kind]
        caller.require(Verb.GET, target, reference.id)
        if kind.link(reference.role).owner:
            caller.require(Verb.UPDATE, target, reference.id)


def _with_parent(body: BaseModel, new: Sequence[NewRecord]) -> Sequence[NewRecord]:
    """What was asked for knows the run of a pipeline that asked, whatever else its kind keeps of the body."""
    given = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    parent = {field: given[field] for field in PARENT_FIELDS if field in given}
    return [replace(new[0], spec=new[0].spec | parent), *new[1:]]


def _settings(spec: Json, kind: Kind, source: Kind | None) -> Json:
    """The fields of ``spec`` that the kind's create body takes, without names and back references."""
    leave_out = {kind.name_field, source.name_field if source else None, "description"}
    leave_out |= {kind.template[0] if kind.template else None, kind.posted_name, *PARENT_FIELDS}
    taken = [field.alias or name for name, field in kind.create_body.model_fields.items()]
    return {name: spec[name] for name in taken if name in spec and name not in leave_out}
