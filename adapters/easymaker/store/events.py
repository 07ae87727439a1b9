"""Events: who changed a resource's status, when, from what to what, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from adapters.easymaker.kinds.record import Record
from adapters.easymaker.store.tables import events

REASON_LENGTH = 2000


@dataclass(frozen=True)
class Event:
    id: int
    resource_id: str
    at: datetime
    actor: str
    from_status: str | None
    to_status: str | None
    reason: str


@dataclass(frozen=True)
class Happening:
    """What is to be written: ``actor`` is a principal's name, or ``reconciler``."""

    actor: str
    from_status: str | None
    to_status: str | None
    reason: str
    at: datetime


def write(connection: Connection, record: Record, happening: Happening) -> None:
    connection.execute(
        insert(events).values(
            resource_id=record.id,
            appkey=record.appkey,
            kind=record.kind,
            at=happening.at,
            actor=happening.actor,
            from_status=happening.from_status,
            to_status=happening.to_status,
            reason=happening.reason[:REASON_LENGTH],
        )
    )


def of_resource(connection: Connection, appkey: str, kind: str, resource_id: str, limit: int) -> Sequence[Event]:
    """The newest ``limit`` events of a resource, oldest first; also of one that has been deleted."""
    query = (
        select(events)
        .where(events.c.appkey == appkey, events.c.kind == kind, events.c.resource_id == resource_id)
        .order_by(events.c.id.desc())
        .limit(limit)
    )
    rows = connection.execute(query).mappings().all()
    names = ("id", "resource_id", "at", "actor", "from_status", "to_status", "reason")
    return [Event(**{name: row[name] for name in names}) for row in reversed(rows)]
