"""Reading and writing resources for the API. Every function works inside the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_if_missing
from sqlalchemy.exc import IntegrityError

from adapters.easymaker.errors import Conflict, InvalidRequest
from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.kind import Change, Kind
from adapters.easymaker.kinds.record import Goal, NewRecord, Record
from adapters.easymaker.store import events
from adapters.easymaker.store.events import Happening
from adapters.easymaker.store.rows import COLUMNS, EVERYTHING, any_of, record_at, record_of
from adapters.easymaker.store.tables import PARENT_RUN, links, resources

CHANNEL = "easymaker_due"
NOW = func.clock_timestamp()


@dataclass(frozen=True)
class Request:
    """Who asks, and the key under which a repeated create is recognised."""

    appkey: str
    actor: str
    key: str | None = None
    digest: str | None = None


def wake(connection: Connection) -> None:
    """Tell every replica, at commit, that something is due."""
    connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


# Built once: to put a query together costs as much as to run it.
_FIND = EVERYTHING.where(
    resources.c.id == any_of("ids"),
    resources.c.appkey == bindparam("appkey"),
    resources.c.kind == bindparam("kind"),
)
FIND = {
    None: _FIND,
    "share": _FIND.order_by(resources.c.id).with_for_update(read=True),
    "update": _FIND.order_by(resources.c.id).with_for_update(),
}


def find(
    connection: Connection, appkey: str, kind: str, ids: Sequence[str], lock: str | None = None
) -> dict[str, Record]:
    """The records with these ids that belong to the appkey, locked ``for`` "share" or "update" where asked."""
    rows = connection.execute(FIND[lock], {"ids": list(ids), "appkey": appkey, "kind": kind})
    return {record.id: record for record in map(record_at, rows)}


def exists(connection: Connection, kind: str, resource_id: str) -> bool:
    query = select(literal(1)).where(resources.c.id == resource_id, resources.c.kind == kind)
    return connection.execute(query).first() is not None


def appkeys(connection: Connection) -> set[str]:
    """Those that have a resource."""
    return set(connection.execute(select(resources.c.appkey).distinct()).scalars())


def existing(connection: Connection, ids: Collection[str]) -> set[str]:
    """Which of these ids are there, whatever their kind and appkey."""
    return set(connection.execute(select(resources.c.id).where(resources.c.id.in_(ids))).scalars())


def find_by_request(connection: Connection, kind: str, request: Request) -> Record | None:
    """What an earlier request with the same idempotency key has created.

    Raises:
        Conflict: the key was used for a different request.
    """
    if request.key is None:
        return None
    query = select(resources.c.request_digest, *COLUMNS).where(
        resources.c.appkey == request.appkey, resources.c.kind == kind, resources.c.request_key == request.key
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    if row["request_digest"] != request.digest:
        raise Conflict("Idempotency-Key: it was used for a different request; take a new one for each new resource")
    return record_of(row)


def create(connection: Connection, request: Request, new: Sequence[NewRecord]) -> Record:
    """Store new resources; the first of them is the one that was asked for and carries the idempotency key.

    Raises:
        InvalidRequest: a name that has to be unique is taken.
        Conflict: another request with the same idempotency key was faster.
    """
    now = connection.execute(select(NOW)).scalar_one()
    for position, item in enumerate(new):
        kind = KIND_BY_NAME[item.kind]
        values = _values(item, request, now)
        if position == 0:
            values |= {"request_key": request.key, "request_digest": request.digest}
        _insert(connection, kind, item, values)
    for item in new:
        _insert_links(connection, item)
    created = [find(connection, request.appkey, item.kind, [item.id])[item.id] for item in new]
    for record in created:
        events.write(connection, record, Happening(request.actor, None, record.status, "created", now))
    wake(connection)
    return created[0]


def bring_forth(connection: Connection, parent: Record, new: Sequence[NewRecord]) -> int:
    """Store what a resource has brought forth, and say how many were new. What is there already stays as it is."""
    now = connection.execute(select(NOW)).scalar_one()
    request = Request(parent.appkey, parent.created_by)
    made = 0
    for item in new:
        adding = insert_if_missing(resources).values(**_values(item, request, now)).on_conflict_do_nothing()
        if connection.execute(adding.returning(resources.c.id)).first() is None:
            continue
        made += 1
        _insert_links(connection, item)
        record = find(connection, parent.appkey, item.kind, [item.id])[item.id]
        reason = f"created by {parent.name or parent.id}"
        events.write(connection, record, Happening(parent.created_by, None, record.status, reason, now))
    if made:
        wake(connection)
    return made


def _values(item: NewRecord, request: Request, now: datetime) -> dict[str, Any]:
    lifecycle = KIND_BY_NAME[item.kind].lifecycle
    return {
        "id": item.id,
        "kind": item.kind,
        "appkey": request.appkey,
        "name": item.name,
        "description": item.description,
        "status": item.status,
        "goal": Goal.PRESENT.value,
        "spec": item.spec,
        "state": item.state,
        "unique_key": item.unique_key,
        "created_by": request.actor,
        "created_at": now,
        "updated_at": now,
        "due_at": None if lifecycle.requested == lifecycle.up else now,
    }


def _insert_links(connection: Connection, item: NewRecord) -> None:
    owned = {link.role for link in KIND_BY_NAME[item.kind].links if link.owner}
    for role, targets in item.links.items():
        for target in targets:
            values = {"source_id": item.id, "role": role, "target_id": target, "owner": int(role in owned)}
            connection.execute(insert(links).values(**values))


def made_in(connection: Connection, parent: Record, limit: int) -> list[Record]:
    """What was made in a run of a pipeline, the oldest first."""
    query = (
        EVERYTHING.where(resources.c.appkey == parent.appkey, parent.id == PARENT_RUN)
        .order_by(resources.c.created_at, resources.c.id)
        .limit(limit)
    )
    return [record_at(row) for row in connection.execute(query)]


def _insert(connection: Connection, kind: Kind, item: NewRecord, values: Mapping[str, Any]) -> None:
    try:
        with connection.begin_nested():
            connection.execute(insert(resources).values(**values))
    except IntegrityError as error:
        message = str(error.orig)
        if "resources_unique_key" in message:
            raise InvalidRequest(f"{kind.title}: the name {item.name} is taken; choose another") from error
        if "resources_request_key" in message:
            raise Conflict("Idempotency-Key: the same request is being carried out; send it again") from error
        raise


def change(connection: Connection, record: Record, wanted: Change, actor: str) -> Record:
    """Carry out one change of an action, with its event. The caller holds the row's lock.

    Raises:
        Conflict: the kind's statuses do not allow the change.
    """
    kind = KIND_BY_NAME[record.kind]
    status = wanted.status or record.status
    if not kind.lifecycle.allows(record.status, status):
        raise Conflict(f"{kind.title} {record.name} is {record.status} and cannot become {status}")
    now = connection.execute(select(NOW)).scalar_one()
    connection.execute(
        update(resources)
        .where(resources.c.id == record.id)
        .values(
            status=status,
            reason=wanted.reason,
            goal=(wanted.goal or record.goal).value,
            spec=record.spec | wanted.spec,
            version=resources.c.version + 1,
            attempts=0,
            due_at=now,
            updated_at=now,
        )
    )
    events.write(connection, record, Happening(actor, record.status, status, wanted.reason, now))
    wake(connection)
    return find(connection, record.appkey, record.kind, [record.id])[record.id]


@dataclass(frozen=True)
class Edit:
    """New values of what a user may edit; None leaves a value as it is."""

    name: str | None = None
    description: str | None = None
    spec: Mapping[str, Any] | None = None
    unique_key: str | None = None


def edit(connection: Connection, record: Record, wanted: Edit, actor: str) -> Record:
    """Change name, description or settings.

    Raises:
        InvalidRequest: the new name has to be unique and is taken.
    """
    now = connection.execute(select(NOW)).scalar_one()
    values: dict[str, Any] = {"updated_at": now, "version": resources.c.version + 1}
    if wanted.name is not None:
        values["name"] = wanted.name
    if wanted.description is not None:
        values["description"] = wanted.description
    if wanted.spec is not None:
        values["spec"] = dict(wanted.spec)
    if wanted.unique_key is not None:
        values["unique_key"] = wanted.unique_key
    try:
        with connection.begin_nested():
            connection.execute(update(resources).where(resources.c.id == record.id).values(**values))
    except IntegrityError as error:
        raise InvalidRequest(f"the name {wanted.name} is taken; choose another") from error
    events.write(connection, record, Happening(actor, record.status, record.status, "changed", now))
    return find(connection, record.appkey, record.kind, [record.id])[record.id]


def blockers(connection: Connection, record: Record, limit: int = 5) -> tuple[int, list[tuple[str, str]]]:
    """How many resources stand in the way of a delete, and the first few as (kind's title, name)."""
    blocking = [
        and_(resources.c.kind == kind.name, links.c.role == link.role)
        for kind in KIND_BY_NAME.values()
        for link in kind.links
        if link.kind == record.kind and link.blocks_delete
    ]
    if not blocking:
        return 0, []
    query = (
        select(resources.c.kind, resources.c.name, func.count().over().label("total"))
        .join(links, links.c.source_id == resources.c.id)
        .where(links.c.target_id == record.id, or_(*blocking))
        .order_by(resources.c.created_at)
        .limit(limit)
    )
    rows = connection.execute(query).mappings().all()
    named = [(KIND_BY_NAME[row["kind"]].title, str(row["name"])) for row in rows]
    return (int(rows[0]["total"]) if rows else 0), named


OWNED_TREE = text(
    """
    WITH RECURSIVE tree(id, depth) AS (
        SELECT CAST(:root AS varchar), 0
        UNION
        SELECT links.source_id, depth + 1 FROM links JOIN tree ON links.target_id = tree.id WHERE links.owner = 1
    )
    SELECT id FROM tree ORDER BY depth, id
    """
)


def request_delete(connection: Connection, root: Record, actor: str, reason: str = "delete requested") -> None:
    """Set the goal of a resource and of everything it owns to ABSENT. The caller has checked the guards."""
    ids = [str(row) for row in connection.execute(OWNED_TREE, {"root": root.id}).scalars()]
    # Owners before what they own, as everywhere: two deletes in one tree then never wait for each other.
    query = select(*COLUMNS).where(resources.c.id.in_(ids)).order_by(func.array_position(ids, resources.c.id))
    query = query.with_for_update()
    now = connection.execute(select(NOW)).scalar_one()
    for row in connection.execute(query).mappings().all():
        record = record_of(row)
        if record.goal is Goal.ABSENT and record.status == KIND_BY_NAME[record.kind].lifecycle.deleting:
            continue
        status = KIND_BY_NAME[record.kind].lifecycle.deleting
        connection.execute(
            update(resources)
            .where(resources.c.id == record.id)
            .values(
                goal=Goal.ABSENT.value,
                status=status,
                reason=reason,
                due_at=now,
                attempts=0,
                updated_at=now,
                version=resources.c.version + 1,
            )
        )
        events.write(connection, record, Happening(actor, record.status, status, reason, now))
    wake(connection)
