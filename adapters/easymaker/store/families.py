"""Loading records together with the records around them, in one query however many they are."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, and_, literal, or_, select, union_all

from adapters.easymaker.kinds.record import Family, Record
from adapters.easymaker.store.rows import COLUMNS, any_of, record_at
from adapters.easymaker.store.tables import links, resources

REF, SOURCE = "ref", "source"


# Built once: to put a query together costs as much as to run it.
AROUND = union_all(
    select(literal(REF).label("way"), links.c.source_id.label("at"), links.c.role.label("what"), *COLUMNS)
    .join(resources, resources.c.id == links.c.target_id)
    .where(links.c.source_id == any_of("pointing")),
    select(literal(SOURCE), links.c.target_id, resources.c.kind, *COLUMNS)
    .join(resources, resources.c.id == links.c.source_id)
    .where(
        links.c.target_id == any_of("pointed_at"),
        or_(
            resources.c.kind == any_of("kinds"),
            and_(resources.c.kind == any_of("followed"), resources.c.due_at.is_not(None)),
        ),
    ),
).order_by("created_at", "id")
FIRST_COLUMN = 3


def load(
    connection: Connection,
    records: Sequence[Record],
    *,
    refs: bool,
    source_kinds: Collection[str],
    followed: Collection[str] = (),
) -> list[Family]:
    """The families of ``records``, in their order. Of ``followed`` kinds only those with something under way."""
    ids = [record.id for record in records]
    if not ids or not (refs or source_kinds or followed):
        return [Family(record) for record in records]
    found: dict[str, dict[str, dict[str, list[Record]]]] = {
        REF: defaultdict(lambda: defaultdict(list)),
        SOURCE: defaultdict(lambda: defaultdict(list)),
    }
    shared: dict[str, Record] = {}
    given = {
        "pointing": ids if refs else [],
        "pointed_at": ids if source_kinds or followed else [],
        "kinds": list(source_kinds),
        "followed": list(followed),
    }
    for row in connection.execute(AROUND, given):
        way, at, what, resource_id = row[: FIRST_COLUMN + 1]
        record = shared.get(resource_id)
        if record is None:
            record = shared[resource_id] = record_at(row, FIRST_COLUMN)
        found[way][at][what].append(record)
    return [
        Family(
            record,
            {role: tuple(targets) for role, targets in found[REF].get(record.id, {}).items()},
            {kind: tuple(sources) for kind, sources in found[SOURCE].get(record.id, {}).items()},
        )
        for record in records
    ]
