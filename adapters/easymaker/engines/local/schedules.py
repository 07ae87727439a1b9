"""Recurring runs of a local installation: nothing runs for them but the reconcile loop, which asks what is due."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.kinds import pipeline_run
from adapters.easymaker.kinds.record import Family, Goal, Offspring, Record
from adapters.easymaker.kinds.schedule_settings import schedule_of
from adapters.easymaker.schedules.slots import Decision, decide

# Also with nothing due: the clock may be set.
LONGEST_PAUSE = 30.0
WAITING_PAUSE = 1.0
EXPIRED_PAUSE = 3600.0


def _now() -> datetime:
    return datetime.now(UTC)


class ScheduleDriver:
    """Makes the runs of the slots that have come due. Its only memory is the last slot, in the record's state.

    A run is stored together with its slot or not at all, under an id that follows from schedule and slot: whatever is
    killed or repeated, a slot gets one run. ``clock`` gives an aware time.
    """

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock

    def observe(self, family: Family) -> Observation:
        record = family.record
        if record.goal is not Goal.PRESENT:
            return Observation(Phase.MISSING if record.goal is Goal.ABSENT else Phase.STOPPED)
        now = self._clock()
        last = record.state.get("lastSlot")
        running = sum(
            run.status not in pipeline_run.LIFECYCLE.settled for run in family.sources.get("pipeline-run", ())
        )
        last_slot = datetime.fromisoformat(last) if last else None
        decision = decide(schedule_of(record, enabled=True), last_slot, now, running)
        return Observation(
            Phase.SUCCEEDED if decision.expired else Phase.RUNNING,
            _reason(decision, running),
            _detail(record, decision),
            _pause(decision, now),
            tuple(_run(record, slot) for slot in decision.create),
        )

    def start(self, family: Family) -> None:
        """Nothing to do: an enabled schedule runs."""

    def stop(self, family: Family) -> None:
        """Nothing to do: a disabled schedule is not asked."""

    def remove(self, family: Family) -> bool:
        return True


def _run(record: Record, slot: datetime) -> Offspring:
    at = slot.astimezone(UTC).isoformat()
    return Offspring(str(uuid.uuid5(uuid.UUID(record.id), at)), {"scheduledDatetime": at})


def _detail(record: Record, decision: Decision) -> dict[str, Any]:
    detail: dict[str, Any] = {"nextSlot": decision.next_at.isoformat() if decision.next_at else None}
    if decision.create:
        detail["lastSlot"] = decision.create[-1].astimezone(UTC).isoformat()
    if decision.skipped:
        detail["skippedRunCount"] = record.state.get("skippedRunCount", 0) + decision.skipped
    return detail


def _reason(decision: Decision, running: int) -> str:
    if decision.waiting:
        return f"a run is due, and waits for one of the {running + len(decision.create)} that are in progress"
    return ""


def _pause(decision: Decision, now: datetime) -> float:
    if decision.waiting:
        return WAITING_PAUSE
    if decision.expired:
        return EXPIRED_PAUSE
    if decision.next_at is None:
        return LONGEST_PAUSE
    return min(max((decision.next_at - now).total_seconds(), 0.0), LONGEST_PAUSE)
