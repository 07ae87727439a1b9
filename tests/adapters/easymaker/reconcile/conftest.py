"""Families made up for pure tests, and a driver whose every answer the test chooses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.kind import Kind
from adapters.easymaker.kinds.record import Family, Goal, Record

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def record(kind: str, status: str, goal: Goal = Goal.PRESENT, **values: Any) -> Record:
    given: dict[str, Any] = {
        "id": f"{kind}-1",
        "kind": kind,
        "appkey": "local",
        "name": f"the {kind}",
        "description": "",
        "status": status,
        "reason": "",
        "goal": goal,
        "spec": {},
        "state": {},
        "created_by": "test",
        "created_at": BEGAN,
        "updated_at": BEGAN,
        "version": 1,
    }
    return Record(**given | values)


def family_of(kind: Kind, status: str, goal: Goal = Goal.PRESENT, parts: str = "up", target: str = "ready") -> Family:
    """``parts``: none, up, working, failed or both. ``target``: whether what the links point to is ready or pending."""
    sources: dict[str, tuple[Record, ...]] = {}
    if kind.rollup is not None and parts != "none":
        life = KIND_BY_NAME[kind.rollup].lifecycle
        wanted = {
            "up": (life.up,),
            "working": (life.creating,),
            "failed": (life.create_failed,),
            "both": (life.creating, life.create_failed),
        }[parts]
        sources[kind.rollup] = tuple(
            record(kind.rollup, status, id=f"part-{at}", name=f"part {at}") for at, status in enumerate(wanted)
        )
    refs: dict[str, tuple[Record, ...]] = {}
    for link in kind.links:
        statuses = {"ready": link.ready, "pending": link.pending, "never": frozenset({"NO_SUCH_STATUS"})}[target]
        if statuses:
            refs[link.role] = (record(link.kind, min(statuses)),)
    return Family(record(kind.name, status, goal), refs, sources)


@dataclass
class Scripted:
    """Raises or returns what it was told, and notes what it was asked for."""

    seen: Observation | Exception = field(default_factory=lambda: Observation(Phase.MISSING))
    acting: Exception | None = None
    removed: bool = True
    asked: list[str] = field(default_factory=list)

    def observe(self, family: Family) -> Observation:
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen

    def _act(self, name: str) -> None:
        self.asked.append(name)
        if self.acting is not None:
            raise self.acting

    def start(self, family: Family) -> None:
        self._act("start")

    def stop(self, family: Family) -> None:
        self._act("stop")

    def release(self, family: Family) -> None:
        self._act("release")

    def remove(self, family: Family) -> bool:
        self._act("remove")
        return self.removed


@pytest.fixture
def make_family() -> Callable[..., Family]:
    return family_of


@pytest.fixture
def make_record() -> Callable[..., Record]:
    return record


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted
