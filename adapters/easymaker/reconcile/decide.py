"""What to do with a resource: a pure function of the record, what the engine sees, and the resources around it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.kind import Kind
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Goal, Offspring, Record

AT_ONCE = 0.0
SOON = 0.2


class Act(StrEnum):
    """START also means: bring up to date. FORGET: nothing is left, drop the row."""

    NONE = "NONE"
    START = "START"
    STOP = "STOP"
    RELEASE = "RELEASE"
    REMOVE = "REMOVE"
    FORGET = "FORGET"


@dataclass(frozen=True)
class Decision:
    """The status to write after ``act`` succeeded, and in how many seconds to look again (None: never).

    ``offspring`` become resources with that write.
    """

    act: Act
    status: str
    reason: str
    due_in: float | None
    offspring: tuple[Offspring, ...] = ()


@dataclass(frozen=True)
class Parts:
    """How the resources that this one consists of are doing."""

    working: int = 0
    failed: tuple[str, ...] = ()


def survey_parts(kind: Kind, family: Family) -> Parts:
    """Sum up the resources that roll up into this one, such as an endpoint's stages."""
    if kind.rollup is None:
        return Parts()
    working, failed = 0, list[str]()
    lifecycle = KIND_BY_NAME[kind.rollup].lifecycle
    for part in family.sources.get(kind.rollup, ()):
        if part.goal is Goal.PRESENT and part.status in lifecycle.failures:
            failed.append(f"{part.name or part.id} is {part.status}: {part.reason}")
        elif part.status != lifecycle.up:
            working += 1
    return Parts(working, tuple(failed))


def waits_for(kind: Kind, family: Family) -> tuple[str | None, str | None]:
    """(what has to become ready first, what never will), as reasons.

    An owner is not waited for: its status follows from that of its parts, so each would wait for the other.
    """
    for link in kind.links:
        if link.owner:
            continue
        for target in family.refs.get(link.role, ()):
            if not link.ready or target.status in link.ready:
                continue
            if target.status in link.pending and target.goal is Goal.PRESENT:
                return f"waiting for {link.kind} {target.name}, which is {target.status}", None
            return None, f"{link.kind} {target.name} is {target.status}"
    return None, None


def owned(family: Family) -> Iterable[Record]:
    """The resources that are part of this one and have to go before it."""
    for kind_name, sources in family.sources.items():
        roles = {link.kind for link in KIND_BY_NAME[kind_name].links if link.owner}
        if family.record.kind in roles:
            yield from sources


def decide(kind: Kind, family: Family, seen: Observation) -> Decision:
    """The next step towards the record's goal."""
    if family.record.goal is Goal.ABSENT:
        return _towards_absent(kind, family, seen)
    if rests(kind.lifecycle, family.record):
        return _stay_at_rest(kind.lifecycle, family.record, seen)
    if kind.lifecycle.is_schedule:
        return _schedule(kind.lifecycle, family.record, seen)
    if family.record.goal is Goal.STOPPED:
        return _towards_stopped(kind.lifecycle, family.record, seen)
    if kind.lifecycle.is_job:
        return _job(kind.lifecycle, family.record, seen)
    return _standing(kind.lifecycle, family.record, seen, survey_parts(kind, family))


def failed(lifecycle: Lifecycle, record: Record, reason: str) -> Decision:
    """The engine has given up: which failure that is depends on how far the resource had got."""
    if record.goal is Goal.ABSENT:
        if lifecycle.delete_failed:
            return Decision(Act.NONE, lifecycle.delete_failed, reason, None)
        return Decision(Act.NONE, record.status, reason, 30.0)
    if rests(lifecycle, record):
        return replace(_rest(record), due_in=30.0 if lifecycle.is_job else None)
    if record.status in (lifecycle.completing, lifecycle.failing):
        # That some of it cannot be cleaned up does not change how the job has ended. What still runs is stopped later.
        return replace(_finish(lifecycle, record), act=Act.NONE, due_in=5.0)
    if record.goal is Goal.STOPPED:
        return Decision(Act.NONE, record.status, reason, 5.0)
    if record.status in (lifecycle.requested, lifecycle.creating, lifecycle.create_failed):
        if lifecycle.is_server:
            return Decision(Act.NONE, lifecycle.create_failed, reason, 5.0)
        # Some nodes of a job may have started before another could not.
        return Decision(Act.RELEASE if lifecycle.is_job else Act.NONE, lifecycle.create_failed, reason, None)
    if lifecycle.is_schedule:
        return Decision(Act.NONE, record.status, reason, 30.0)
    if lifecycle.is_server:
        return Decision(Act.NONE, lifecycle.update_failed or lifecycle.create_failed, reason, 5.0)
    return Decision(Act.NONE, lifecycle.failing or lifecycle.create_failed, reason, AT_ONCE)


def rests(lifecycle: Lifecycle, record: Record) -> bool:
    """Ended jobs and plain records that are made rest; servers and schedules are watched all their life."""
    if lifecycle.is_schedule:
        return record.status == lifecycle.create_failed
    return not lifecycle.is_server and record.status in lifecycle.settled


def _rest(record: Record) -> Decision:
    return Decision(Act.NONE, record.status, record.reason, None)


def _stay_at_rest(lifecycle: Lifecycle, record: Record, seen: Observation) -> Decision:
    if lifecycle.is_job and seen.phase in (Phase.PENDING, Phase.RUNNING):
        # A replica that was suspended may have started it long after it lost its lease.
        return Decision(Act.STOP, record.status, record.reason, min(seen.recheck, 0.5))
    return _rest(record)


def _towards_absent(kind: Kind, family: Family, seen: Observation) -> Decision:
    lifecycle, record = kind.lifecycle, family.record
    remaining = list(owned(family))
    if remaining:
        names = ", ".join(sorted(part.name or part.id for part in remaining)[:3])
        return Decision(Act.NONE, lifecycle.deleting, f"waiting until {names} is deleted", 2.0)
    if seen.phase is Phase.MISSING:
        return Decision(Act.FORGET, lifecycle.deleting, record.reason, None)
    return Decision(Act.REMOVE, lifecycle.deleting, record.reason, SOON)


def _towards_stopped(lifecycle: Lifecycle, record: Record, seen: Observation) -> Decision:
    assert lifecycle.stopping is not None
    assert lifecycle.stopped is not None
    if record.status == lifecycle.completing:
        return _finish(lifecycle, record)
    if seen.phase in (Phase.PENDING, Phase.RUNNING):
        return Decision(Act.STOP, lifecycle.stopping, record.reason, min(seen.recheck, 0.5))
    if seen.phase is Phase.SUCCEEDED and lifecycle.completing:
        told = seen.reason or "completed before it could be stopped"
        return Decision(Act.NONE, lifecycle.completing, told, AT_ONCE)
    # Also when MISSING: of several nodes the first may have been started.
    return Decision(Act.RELEASE, lifecycle.stopped, "stopped on request", None)


def _finish(lifecycle: Lifecycle, record: Record) -> Decision:
    """From a status in which an ended job is cleaned up to its end."""
    end = {lifecycle.completing: lifecycle.complete, lifecycle.failing: lifecycle.failed}[record.status]
    assert end is not None
    return Decision(Act.RELEASE, end, record.reason, None)


def _job(lifecycle: Lifecycle, record: Record, seen: Observation) -> Decision:
    if record.status in (lifecycle.completing, lifecycle.failing):
        return _finish(lifecycle, record)
    if seen.phase is Phase.SUCCEEDED and lifecycle.completing:
        return Decision(Act.NONE, lifecycle.completing, seen.reason, AT_ONCE)
    if seen.phase in (Phase.FAILED, Phase.STOPPED) and lifecycle.failing:
        return Decision(Act.NONE, lifecycle.failing, seen.reason, AT_ONCE)
    if seen.phase is Phase.RUNNING:
        return Decision(Act.NONE, lifecycle.up, "", seen.recheck)
    if seen.phase is Phase.INTERRUPTED:
        # The status is written first: once start() has cleared the old run away, RUNNING would read as a lost job.
        act = Act.NONE if record.status == lifecycle.up else Act.START
        return Decision(act, lifecycle.creating, seen.reason, AT_ONCE if act is Act.NONE else SOON)
    if seen.phase is Phase.MISSING and record.status == lifecycle.up and lifecycle.failing:
        return Decision(Act.NONE, lifecycle.failing, "the job is gone; nothing of it is left", AT_ONCE)
    if seen.phase is Phase.MISSING:
        return Decision(Act.START, lifecycle.creating, "", SOON)
    return Decision(Act.NONE, lifecycle.creating, seen.reason, seen.recheck)


def _schedule(lifecycle: Lifecycle, record: Record, seen: Observation) -> Decision:
    """Enabled and disabled by the user; expired once the engine says that nothing will come any more."""
    assert lifecycle.disabled is not None
    if seen.phase is Phase.FAILED:
        return failed(lifecycle, record, seen.reason)
    if record.goal is Goal.STOPPED:
        if seen.phase in (Phase.STOPPED, Phase.MISSING):
            # What it had brought forth before it was disabled is there, too.
            return Decision(Act.NONE, lifecycle.disabled, record.reason, None, seen.offspring)
        return Decision(Act.STOP, lifecycle.disabled, record.reason, SOON, seen.offspring)
    if seen.phase is Phase.SUCCEEDED and lifecycle.expired:
        return Decision(Act.NONE, lifecycle.expired, seen.reason, seen.recheck, seen.offspring)
    if seen.phase is Phase.RUNNING:
        return Decision(Act.NONE, lifecycle.up, seen.reason, seen.recheck, seen.offspring)
    working = lifecycle.creating if record.status == lifecycle.requested else record.status
    return Decision(Act.START, working, seen.reason, SOON)


def _standing(lifecycle: Lifecycle, record: Record, seen: Observation, parts: Parts) -> Decision:
    """Servers and plain records: up once the engine says so and all parts are up, watched from then on if a server."""
    was_up = record.status not in (lifecycle.requested, lifecycle.creating, lifecycle.create_failed)
    working = lifecycle.updating if was_up and lifecycle.updating else lifecycle.creating
    told = seen.reason
    if seen.phase is Phase.FAILED:
        return failed(lifecycle, record, seen.reason)
    if parts.failed:
        status = (lifecycle.update_failed if was_up else None) or lifecycle.create_failed
        act = Act.START if seen.phase in (Phase.MISSING, Phase.PENDING) else Act.NONE
        return Decision(act, status, "; ".join(parts.failed[:3]), seen.recheck)
    if record.status == lifecycle.create_failed and (seen.phase is not Phase.RUNNING or parts.working):
        # It is tried again for as long as it is there: the reason of the failure stays until that has succeeded.
        working, told = record.status, record.reason
    if seen.phase is Phase.MISSING:
        return Decision(Act.START, working, told, SOON)
    if seen.phase is Phase.PENDING:
        return Decision(Act.START, working, told, seen.recheck)
    if parts.working:
        in_progress = f"{parts.working} of its parts have tasks in progress"
        told = record.reason if working == lifecycle.create_failed else in_progress
        return Decision(Act.NONE, working, told, seen.recheck)
    return Decision(Act.NONE, lifecycle.up, "", seen.recheck if lifecycle.is_server else None)
