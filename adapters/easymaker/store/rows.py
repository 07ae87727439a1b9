"""From a row of the resources table to a Record."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from sqlalchemy import CollectionAggregate, Column, Row, String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.easymaker.kinds.record import Goal, Record
from adapters.easymaker.store.tables import resources

log = structlog.get_logger("easymaker.store")

NAMES = (
    "id",
    "kind",
    "appkey",
    "name",
    "description",
    "status",
    "reason",
    "goal",
    "spec",
    "state",
    "created_by",
    "created_at",
    "updated_at",
    "version",
    "attempts",
)
GOAL = NAMES.index("goal")
COLUMNS: tuple[Column[Any], ...] = tuple(resources.c[name] for name in NAMES)


EVERYTHING = select(*COLUMNS)


def any_of(name: str) -> CollectionAggregate[bool]:
    """For ``column == any_of("ids")``: the parameter is a list."""
    return any_(bindparam(name, type_=ARRAY(String)))


def record_at(row: Row[Any], start: int = 0) -> Record:
    """The record whose columns, in the order of NAMES, begin at this position."""
    values = list(row[start : start + len(NAMES)])
    values[GOAL] = Goal(values[GOAL])
    return Record(*values)


def readable(rows: Iterable[Row[Any]]) -> list[Record]:
    """The records of those rows that this release understands; one of a newer release is told to the log."""
    records: list[Record] = []
    for row in rows:
        try:
            records.append(record_at(row))
        except ValueError as error:
            log.warning("unreadable row", resource=row[0], reason=str(error))
    return records


def record_of(row: Mapping[Any, Any]) -> Record:
    values: dict[str, Any] = {name: row[name] for name in NAMES}
    values["goal"] = Goal(values["goal"])
    return Record(**values)
