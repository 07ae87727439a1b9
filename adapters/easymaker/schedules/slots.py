"""Which slots of a schedule get a run now. The only state is the last slot that got one.

So a restart changes nothing, and neither does a clock that is set: no slot at or before the last one comes again,
and what a wrong clock let pass is decided again by the right one. Kubeflow Pipelines' rules where the guide is silent:
slots lie after the start and up to the end, that one included; with catch-up a start in the past means backfill.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.easymaker.schedules.triggers import Trigger

# The newest slots that catch-up still makes; what was missed before them is given up and counted.
BACKLOG = 100
# How long after its slot a run without catch-up may still be made: a look that comes a little late, a quick restart.
GRACE = timedelta(seconds=60)
# Slots given up are counted up to here: a second's schedule misses 31 million a year.
COUNTED = 1000
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Schedule:
    """``created``, ``start`` and ``end`` are aware; without a start, slots count from the creation."""

    trigger: Trigger
    created: datetime
    start: datetime | None = None
    end: datetime | None = None
    max_concurrency: int = 1
    catchup: bool = True
    enabled: bool = True
    grace: timedelta = GRACE


@dataclass(frozen=True)
class Decision:
    """Store the last of ``create`` as the last slot together with its run; a slot is the run's unique key.

    ``skipped``: slots before the first of ``create`` that are given up, told once, when it is certain. At COUNTED there
    may be more. ``next_at``: when to ask again; ask also when a run ends and when the schedule changes. ``waiting``: a
    slot is due but the concurrency limit holds it back. ``expired``: no slot will ever come due again, the end is over.
    """

    create: tuple[datetime, ...] = ()
    skipped: int = 0
    next_at: datetime | None = None
    waiting: bool = False
    expired: bool = False


def decide(
    schedule: Schedule, last_slot: datetime | None, now: datetime, running: int, limit: int = BACKLOG
) -> Decision:
    """``running``: runs of this schedule that have not ended."""
    now = now.astimezone(UTC)
    end = schedule.end.astimezone(UTC) if schedule.end else None
    over = end is not None and now > end
    if not schedule.enabled:
        return Decision(expired=over)
    after = _dealt_with(schedule, last_slot)
    until = min(now, end) if end else now
    due = _due(schedule, after, until, now, limit)
    create = tuple(due.slots[: max(0, schedule.max_concurrency - running)])
    waiting = len(due.slots) > len(create)
    return Decision(
        create=create,
        skipped=_count(schedule.trigger, after, due.begin, COUNTED) + due.older if create else 0,
        next_at=due.following if due.following and (end is None or due.following <= end) else None,
        waiting=waiting,
        expired=over and not waiting,
    )


def _dealt_with(schedule: Schedule, last_slot: datetime | None) -> datetime:
    """No slot at or before it is made."""
    created = schedule.created.astimezone(UTC)
    start = schedule.start.astimezone(UTC) if schedule.start else created
    if last_slot is not None:
        return max(last_slot.astimezone(UTC), start)
    return start if schedule.catchup else max(created, start)


@dataclass(frozen=True)
class _Due:
    """``slots``, oldest first, were looked for from ``begin`` on; ``older`` ones found with them are given up."""

    slots: list[datetime]
    following: datetime | None
    begin: datetime
    older: int = 0


def _due(schedule: Schedule, after: datetime, until: datetime, now: datetime, limit: int) -> _Due:
    """Without catch-up only the newest, as long as it is not late: of several missed ones, one runs."""
    if not schedule.catchup:
        begin = max(after, now - schedule.grace - timedelta(microseconds=1))
        recent, following = _walk(schedule.trigger, begin, until)
        return _Due(recent[-1:], following, begin, max(0, len(recent) - 1))
    begin = after
    slots, following = _walk(schedule.trigger, begin, until, limit)
    if following is not None and following <= until:
        begin = _newest_begin(schedule.trigger, after, until, limit)
        slots, following = _walk(schedule.trigger, begin, until)
    return _Due(slots, following, begin)


def _newest_begin(trigger: Trigger, after: datetime, until: datetime, limit: int) -> datetime:
    """The latest moment with ``limit`` slots between it and ``until``, halving: the backlog itself may be millions."""
    enough, too_few = after, until
    while too_few - enough > SECOND / 2:  # slots are whole seconds
        middle = enough + (too_few - enough) / 2
        if _count(trigger, middle, until, limit) >= limit:
            enough = middle
        else:
            too_few = middle
    return enough


def _walk(
    trigger: Trigger, after: datetime, until: datetime, most: int | None = None
) -> tuple[list[datetime], datetime | None]:
    """The slots in (after, until], at most so many, and the one that follows them."""
    slots: list[datetime] = []
    slot = trigger.slot_after(after)
    while slot is not None and slot <= until and len(slots) != most:
        slots.append(slot)
        slot = trigger.slot_after(slot)
    return slots, slot


def _count(trigger: Trigger, after: datetime, until: datetime, most: int) -> int:
    # Mostly nothing lies between, and that is not worth a search.
    return len(_walk(trigger, after, until, most)[0]) if until > after else 0
