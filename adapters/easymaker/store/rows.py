"""From a row of the resources table to a Record."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CollectionAggregate, Column, Row, String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.easymaker.kinds.record import Goal, Record
from adapters.easymaker.store.tables import resources

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


def record_of(row: Mapping[Any, Any]) -> Record:
    values: dict[str, Any] = {name: row[name] for name in NAMES}
    values["goal"] = Goal(values["goal"])
    return Record(**values)
