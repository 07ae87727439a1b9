"""The work queue: who looks after which due resource, and writing back what came of it.

A lease is a token on the row, judged by the database's clock alone. Every write that follows is guarded by the token
(nobody else has taken over) and by the version (the user has not changed the resource meanwhile); a write that finds
neither changes nothing, and the resource is simply looked at again. Whoever wants a resource looked at sets its due_at
anew; if that happens during a look, the look that ends does not overwrite it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Function, case, delete, func, null, select, text, update

from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.record import Record
from adapters.easymaker.store import events
from adapters.easymaker.store.events import Happening
from adapters.easymaker.store.resources import NOW, wake
from adapters.easymaker.store.rows import COLUMNS, record_of
from adapters.easymaker.store.tables import links, resources

log = structlog.get_logger("easymaker.store")

RECONCILER = "reconciler"


@dataclass(frozen=True)
class Lease:
    """``due_at`` is what it was when the lease began: another value means that somebody wants a look after this one."""

    record: Record
    token: str
    due_at: datetime


@dataclass(frozen=True)
class Outcome:
    """What a look at a resource came to. ``due_in`` is in seconds; None lets the resource rest."""

    status: str
    reason: str
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    due_in: float | None = None
    attempts: int = 0


CLAIM = text(
    """
    UPDATE resources
       SET lease_token = :token, lease_expires_at = clock_timestamp() + make_interval(secs => :seconds)
     WHERE id = (
        SELECT id FROM resources
         WHERE due_at <= clock_timestamp() AND (lease_expires_at IS NULL OR lease_expires_at < clock_timestamp())
         ORDER BY due_at
         LIMIT 1
           FOR UPDATE SKIP LOCKED)
    RETURNING id, due_at
    """
)

NEXT_DUE = text(
    """
    SELECT EXTRACT(EPOCH FROM min(GREATEST(due_at, COALESCE(lease_expires_at, due_at))) - clock_timestamp())
      FROM resources WHERE due_at IS NOT NULL
    """
)

# Rows that somebody else is just writing are left out, so that two who wake each other never wait. He may have looked
# before this one changed: what was left out is returned, for a transaction that holds nothing else.
NEIGHBOURS = text(
    """
    WITH neighbours AS MATERIALIZED (
        SELECT id FROM resources
         WHERE due_at IS NOT NULL AND id IN (
            SELECT source_id FROM links WHERE target_id = :id
            UNION ALL
            SELECT target_id FROM links WHERE source_id = :id AND owner = 1)),
    near AS MATERIALIZED (
        SELECT id FROM resources WHERE id IN (SELECT id FROM neighbours) FOR UPDATE SKIP LOCKED),
    woken AS (
        UPDATE resources
           SET due_at = CASE WHEN lease_token IS NULL THEN LEAST(due_at, clock_timestamp()) ELSE clock_timestamp() END
          FROM near WHERE resources.id = near.id
        RETURNING resources.id)
    SELECT id FROM neighbours EXCEPT SELECT id FROM woken
    """
)

# Rows are waited for, in one order: whoever holds one may have looked before what the engine has seen happen.
WAKE = text(
    """
    WITH woken AS MATERIALIZED (
        SELECT id FROM resources WHERE due_at IS NOT NULL AND id = ANY(:ids) ORDER BY id FOR UPDATE)
    UPDATE resources
       SET due_at = CASE WHEN lease_token IS NULL THEN LEAST(due_at, clock_timestamp()) ELSE clock_timestamp() END
      FROM woken WHERE resources.id = woken.id
    """
)

WAKE_RESTING = text(
    """
    WITH woken AS MATERIALIZED (
        SELECT id FROM resources WHERE due_at IS NULL AND id = ANY(:ids) ORDER BY id FOR UPDATE)
    UPDATE resources SET due_at = clock_timestamp() FROM woken WHERE resources.id = woken.id
    """
)

UNREADABLE_SECONDS = 60.0


def claim(connection: Connection, token: str, seconds: float) -> Lease | None:
    """Take the resource that has been due for longest, for ``seconds``."""
    claimed = connection.execute(CLAIM, {"token": token, "seconds": seconds}).first()
    if claimed is None:
        return None
    row = connection.execute(select(*COLUMNS).where(resources.c.id == claimed.id)).mappings().one()
    try:
        return Lease(record_of(row), token, claimed.due_at)
    except ValueError as error:
        # Written by a newer release, or by hand. It must not stay the one that everybody claims first.
        log.error("a resource cannot be read", resource=claimed.id, reason=str(error))
        later = NOW + _seconds(UNREADABLE_SECONDS)
        values = {"due_at": later, "lease_token": None, "lease_expires_at": None}
        connection.execute(update(resources).where(resources.c.id == claimed.id).values(values))
        return None


def _seconds(value: float) -> Function[Any]:
    return func.make_interval(0, 0, 0, 0, 0, 0, value)


def next_due(connection: Connection) -> float | None:
    """Seconds until the next resource is due (negative: overdue); None when nothing ever is."""
    value = connection.execute(NEXT_DUE).scalar()
    return None if value is None else float(value)


def renew(connection: Connection, tokens: Sequence[str], seconds: float) -> None:
    """Hold the leases for another ``seconds``."""
    connection.execute(
        update(resources).where(resources.c.lease_token.in_(tokens)).values(lease_expires_at=NOW + _seconds(seconds))
    )


def apply(connection: Connection, lease: Lease, outcome: Outcome, missed: list[str] | None = None) -> bool:
    """Write an outcome back and end the lease. False when the lease or the version is stale: nothing was written.

    ``missed`` gets the ids of neighbours that somebody else was just writing: ``look_again`` at them after the commit.
    """
    record = lease.record
    if not KIND_BY_NAME[record.kind].lifecycle.allows(record.status, outcome.status):
        raise ValueError(f"{record.kind} {record.id}: {record.status} cannot become {outcome.status}")
    changed = (outcome.status, outcome.reason) != (record.status, record.reason)
    state = record.state | dict(outcome.state)
    due_at = null() if outcome.due_in is None else NOW + _seconds(outcome.due_in)
    values: dict[str, Any] = {
        "due_at": case((resources.c.due_at.is_distinct_from(lease.due_at), NOW), else_=due_at),
        "attempts": outcome.attempts,
        "lease_token": None,
        "lease_expires_at": None,
    }
    if changed or state != record.state:
        values |= {
            "status": outcome.status,
            "reason": outcome.reason,
            "state": state,
            "updated_at": NOW,
            "version": resources.c.version + 1,
        }
    guard = (
        resources.c.id == record.id,
        resources.c.lease_token == lease.token,
        resources.c.version == record.version,
    )
    if connection.execute(update(resources).where(*guard).values(**values)).rowcount == 0:
        release(connection, lease)
        return False
    if changed:
        now = connection.execute(select(NOW)).scalar_one()
        happening = Happening(RECONCILER, record.status, outcome.status, outcome.reason, now)
        events.write(connection, record, happening)
    if outcome.status != record.status or state != record.state:
        # Neighbours go by either: the ports in a resource's state are where its stage sends requests.
        _wake_neighbours(connection, record.id, missed)
        wake(connection)
    return True


def _wake_neighbours(connection: Connection, resource_id: str, missed: list[str] | None) -> None:
    left_out = connection.execute(NEIGHBOURS, {"id": resource_id}).scalars().all()
    if missed is not None:
        missed.extend(left_out)


def look_again(connection: Connection, ids: Collection[str]) -> None:
    """The engine has seen something happen to these: they are due at once, but for those that rest."""
    if connection.execute(WAKE, {"ids": sorted(ids)}).rowcount:
        wake(connection)


def look_at_resting(connection: Connection, ids: Collection[str]) -> None:
    """As ``look_again``, for those that rest; they rest again after one look."""
    if connection.execute(WAKE_RESTING, {"ids": sorted(ids)}).rowcount:
        wake(connection)


def release(connection: Connection, lease: Lease) -> None:
    """Give a lease back without a result: the resource is due at once, also if somebody else holds it by now."""
    mine = resources.c.lease_token == lease.token
    connection.execute(
        update(resources)
        .where(resources.c.id == lease.record.id)
        .values(
            lease_token=case((mine, null()), else_=resources.c.lease_token),
            lease_expires_at=case((mine, null()), else_=resources.c.lease_expires_at),
            due_at=NOW,
        )
    )
    wake(connection)


def forget(connection: Connection, lease: Lease, missed: list[str] | None = None) -> bool:
    """Drop the row of a resource of which nothing is left. Its events stay. ``missed`` as in ``apply``."""
    record = lease.record
    _wake_neighbours(connection, record.id, missed)
    passing = {link.role for kind in KIND_BY_NAME.values() for link in kind.links if link.passing}
    connection.execute(delete(links).where(links.c.target_id == record.id, links.c.role.in_(passing)))
    guard = (resources.c.id == record.id, resources.c.lease_token == lease.token)
    if connection.execute(delete(resources).where(*guard)).rowcount == 0:
        return False
    now = connection.execute(select(NOW)).scalar_one()
    events.write(connection, record, Happening(RECONCILER, record.status, None, "deleted", now))
    wake(connection)
    return True
