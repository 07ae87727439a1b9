"""Actions that several kinds share: stop a job, retry a failed creation."""

from collections.abc import Sequence
from typing import Any

from adapters.easymaker.errors import Conflict
from adapters.easymaker.kinds.kind import Action, Change
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Goal


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
