"""What every resource has, whatever its kind: the row that store/ keeps and everyone else reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class Goal(StrEnum):
    """What the user wants of the resource; the loop works towards it."""

    PRESENT = "PRESENT"
    STOPPED = "STOPPED"
    ABSENT = "ABSENT"


@dataclass(frozen=True)
class Record:
    """One resource.

    ``spec`` is the create request in wire form plus what was derived from it; ``state`` is what the engine last saw.
    ``version`` grows with every write that is not only a lease; times are aware datetimes in UTC.
    """

    id: str
    kind: str
    appkey: str
    name: str
    description: str
    status: str
    reason: str
    goal: Goal
    spec: Json
    state: Json
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int
    attempts: int = 0


@dataclass(frozen=True)
class NewRecord:
    """A resource about to be stored. ``links`` maps a role to the ids it points to.

    ``secrets`` are values by name that must not get into a table; the service gives them to the secret store.
    """

    id: str
    kind: str
    name: str
    description: str
    spec: Json
    status: str
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    unique_key: str | None = None
    state: Json = field(default_factory=dict[str, Any])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True)
class Offspring:
    """What a resource brings forth by itself, such as one run of a schedule.

    ``id`` becomes the new resource's: whoever finds it, and however often, it is made once. ``spec`` sets it apart.
    """

    id: str
    spec: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Family:
    """A record with the records it points to (``refs``, by role) and those that point to it (``sources``, by kind)."""

    record: Record
    refs: Mapping[str, tuple[Record, ...]] = field(default_factory=dict[str, tuple[Record, ...]])
    sources: Mapping[str, tuple[Record, ...]] = field(default_factory=dict[str, tuple[Record, ...]])

    def ref(self, role: str) -> Record | None:
        found = self.refs.get(role, ())
        return found[0] if found else None
