"""Loading records together with the records around them, in a fixed number of queries however many they are."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select

from adapters.easymaker.kinds.record import Family, Record
from adapters.easymaker.store.rows import COLUMNS, record_of
from adapters.easymaker.store.tables import links, resources


def _refs(connection: Connection, ids: Sequence[str]) -> Mapping[str, Mapping[str, tuple[Record, ...]]]:
    if not ids:
        return {}
    query = (
        select(links.c.source_id, links.c.role, *COLUMNS)
        .join(resources, resources.c.id == links.c.target_id)
        .where(links.c.source_id.in_(ids))
        .order_by(resources.c.created_at, resources.c.id)
    )
    found: dict[str, dict[str, tuple[Record, ...]]] = defaultdict(dict)
    shared: dict[str, Record] = {}
    for row in connection.execute(query).mappings():
        record = shared.get(row["id"]) or shared.setdefault(row["id"], record_of(row))
        roles = found[row["source_id"]]
        roles[row["role"]] = (*roles.get(row["role"], ()), record)
    return found


def _sources(
    connection: Connection, ids: Sequence[str], kinds: Collection[str]
) -> Mapping[str, Mapping[str, tuple[Record, ...]]]:
    if not ids:
        return {}
    query = (
        select(links.c.target_id, *COLUMNS)
        .join(resources, resources.c.id == links.c.source_id)
        .where(links.c.target_id.in_(ids), resources.c.kind.in_(kinds))
        .order_by(resources.c.created_at, resources.c.id)
    )
    found: dict[str, dict[str, tuple[Record, ...]]] = defaultdict(dict)
    for row in connection.execute(query).mappings():
        record = record_of(row)
        by_kind = found[row["target_id"]]
        by_kind[record.kind] = (*by_kind.get(record.kind, ()), record)
    return found


def load(
    connection: Connection, records: Sequence[Record], *, refs: bool, source_kinds: Collection[str]
) -> list[Family]:
    """The families of ``records``, in their order."""
    ids = [record.id for record in records]
    all_refs = _refs(connection, ids if refs else [])
    all_sources = _sources(connection, ids if source_kinds else [], source_kinds)
    return [Family(r, all_refs.get(r.id, {}), all_sources.get(r.id, {})) for r in records]
