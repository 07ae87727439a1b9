"""From a row of the resources table to a Record."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column

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
COLUMNS: tuple[Column[Any], ...] = tuple(resources.c[name] for name in NAMES)


def record_of(row: Mapping[Any, Any]) -> Record:
    values: dict[str, Any] = {name: row[name] for name in NAMES}
    values["goal"] = Goal(values["goal"])
    return Record(**values)
