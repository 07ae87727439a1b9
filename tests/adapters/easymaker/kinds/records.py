"""Records as the store would make them of what a kind has planned."""

from datetime import UTC, datetime
from typing import Any

from adapters.easymaker.kinds.record import Goal, NewRecord, Record


def record_of(new: NewRecord, status: str = "", goal: Goal = Goal.PRESENT, **state: Any) -> Record:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    text = (new.id, new.kind, "local", new.name, new.description, status or new.status, "")
    return Record(*text, goal, new.spec, dict(new.state) | state, "tester", now, now, 1)
