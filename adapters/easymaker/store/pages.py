"""Lists: filtered, searched, sorted and cut into pages, with the total in the same query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal, select

from adapters.easymaker.kinds.record import Record
from adapters.easymaker.store.rows import COLUMNS, EVERYTHING, any_of, readable
from adapters.easymaker.store.tables import links, resources


@dataclass(frozen=True)
class Page:
    """A list query. ``limit`` None means everything; ``links`` maps a role to the target's id."""

    ids: Sequence[str] = ()
    names: Sequence[str] = ()
    search: str = ""
    statuses: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict[str, str])
    sort: str = "created_at"
    descending: bool = True
    limit: int | None = None
    offset: int = 0


def _like(value: str) -> str:
    for character in "\\%_":
        value = value.replace(character, "\\" + character)
    return f"%{value}%"


@dataclass(frozen=True)
class _Shape:
    """What makes one list query differ from another, apart from values: each shape is put together once."""

    ids: bool
    names: bool
    search: bool
    statuses: bool
    links: int
    sort: str
    descending: bool
    paged: bool


@lru_cache(maxsize=512)
def _listing(shape: _Shape) -> tuple[Select[Any], Select[int]]:
    """The query for the records (with the total as last column if paged), and one for the total alone."""
    table = resources.c
    conditions: list[ColumnElement[bool]] = [table.appkey == bindparam("appkey"), table.kind == bindparam("kind")]
    if shape.ids:
        conditions.append(table.id == any_of("ids"))
    if shape.names:
        conditions.append(table.name == any_of("names"))
    if shape.search:
        conditions.append(table.name.ilike(bindparam("search"), escape="\\"))
    if shape.statuses:
        conditions.append(table.status == any_of("statuses"))
    for number in range(shape.links):
        matching = select(literal(1)).where(
            links.c.source_id == table.id,
            links.c.role == bindparam(f"role_{number}"),
            links.c.target_id == bindparam(f"target_{number}"),
        )
        conditions.append(matching.exists())
    total = select(func.count()).select_from(resources).where(*conditions)
    column = table[shape.sort]
    query = EVERYTHING.where(*conditions).order_by(column.desc() if shape.descending else column.asc(), table.id)
    if shape.paged:
        query = query.add_columns(total.scalar_subquery()).limit(bindparam("limit")).offset(bindparam("offset"))
    return query, total


def page(connection: Connection, appkey: str, kind: str, wanted: Page) -> tuple[list[Record], int]:
    """One page of a list and how many there are over all pages."""
    shape = _Shape(
        ids=bool(wanted.ids),
        names=bool(wanted.names),
        search=bool(wanted.search),
        statuses=bool(wanted.statuses),
        links=len(wanted.links),
        sort=wanted.sort,
        descending=wanted.descending,
        paged=wanted.limit is not None,
    )
    given: dict[str, Any] = {
        "appkey": appkey,
        "kind": kind,
        "ids": list(wanted.ids),
        "names": list(wanted.names),
        "search": _like(wanted.search),
        "statuses": list(wanted.statuses),
    }
    for number, (role, target) in enumerate(wanted.links.items()):
        given |= {f"role_{number}": role, f"target_{number}": target}
    query, count = _listing(shape)
    rows = connection.execute(query, given | {"limit": wanted.limit, "offset": wanted.offset}).all()
    records = readable(rows)
    if not shape.paged:
        return records, len(records)
    if rows:
        return records, int(rows[0][len(COLUMNS)])
    # Beyond the last page no row brings the total along.
    return records, connection.execute(count, given).scalar_one() if wanted.offset else 0
