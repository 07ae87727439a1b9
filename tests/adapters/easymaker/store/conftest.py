"""New resources of any kind, as plans would make them, and their creation."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.record import NewRecord, Record
from adapters.easymaker.store import resources
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.resources import Request

NUMBERS = itertools.count(1)


def new(kind: str, name: str = "some name", **values: Any) -> NewRecord:
    given: dict[str, Any] = {
        "id": f"{kind}-{next(NUMBERS)}",
        "kind": kind,
        "name": name,
        "description": "",
        "spec": {"key": "value"},
        "status": KIND_BY_NAME[kind].lifecycle.requested,
    }
    return NewRecord(**given | values)


@pytest.fixture
def make_new() -> Callable[..., NewRecord]:
    return new


@pytest.fixture
def store(database: Database) -> Callable[..., Record]:
    """Creates one resource in a transaction of its own."""

    def create(kind: str, name: str = "some name", appkey: str = "local", **values: Any) -> Record:
        with database.transaction() as connection:
            return resources.create(connection, Request(appkey, "tester"), [new(kind, name, **values)])

    return create
