"""Actions that several kinds share: stop a job, retry a failed creation, start and stop a schedule."""

from collections.abc import Sequence
from typing import Any

from adapters.easymaker.errors import Conflict
from adapters.easymaker.kinds.kind import Action, Change
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Goal, Record


def stop(lifecycle: Lifecycle, title: str) -> Action:
    """Stop what is under way. Stopping twice is one stop; stopping what has ended is a Conflict."""

    def apply(family: Family, body: Any) -> Sequence[Change]:
        record = family.record
        if record.status in (lifecycle.stopping, lifecycle.stopped):
            return []
        if record.status not in lifecycle.stoppable:
            raise Conflict(f"{title} {record.name} is {record.status}: there is nothing to stop")
        return [Change(record.id, goal=Goal.STOPPED, status=lifecycle.stopping, reason="stop requested")]

    return Action("stop", f"Stop the {title.lower()}", apply)


def retry(lifecycle: Lifecycle, title: str) -> Action:
    """Start a failed creation again."""

    def apply(family: Family, body: Any) -> Sequence[Change]:
        record = family.record
        if record.status != lifecycle.create_failed:
            wanted = lifecycle.create_failed
            raise Conflict(f"{title} {record.name} is {record.status}: only one that is {wanted} can be retried")
        return [Change(record.id, goal=Goal.PRESENT, status=lifecycle.requested, reason="retry requested")]

    return Action("retry", f"Create a {lifecycle.create_failed} {title.lower()} again", apply)


def enable(lifecycle: Lifecycle, title: str) -> Action:
    """Have a schedule bring forth again. Of one that does already it is no change."""

    def apply(family: Family, body: Any) -> Sequence[Change]:
        record = family.record
        if record.goal is Goal.PRESENT and record.status in (lifecycle.up, lifecycle.expired):
            return []
        _require_made(lifecycle, title, record)
        return [Change(record.id, goal=Goal.PRESENT, status=lifecycle.up, reason="started on request")]

    return Action("start", f"Start the {title.lower()}", apply)


def disable(lifecycle: Lifecycle, title: str) -> Action:
    """Have a schedule bring forth nothing more. What it has brought forth goes on."""

    def apply(family: Family, body: Any) -> Sequence[Change]:
        record = family.record
        if record.status == lifecycle.disabled:
            return []
        _require_made(lifecycle, title, record)
        return [Change(record.id, goal=Goal.STOPPED, status=lifecycle.disabled, reason="stopped on request")]

    return Action("stop", f"Stop the {title.lower()}: it makes nothing more, what runs goes on", apply)


def _require_made(lifecycle: Lifecycle, title: str, record: Record) -> None:
    if record.status in (lifecycle.requested, lifecycle.create_failed):
        raise Conflict(f"{title} {record.name} is {record.status}: it has not been created")
