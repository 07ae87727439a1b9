"""One look at a resource: observe, decide, act. Everything of the loop that does not touch the database."""

from dataclasses import dataclass, field, replace

from adapters.easymaker.crash_points import crash_point
from adapters.easymaker.engines.base import Driver, Observation, Phase, SupportsRelease
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.kind import Kind
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from adapters.easymaker.reconcile.decide import Act, Decision, decide, failed, rests, waits_for

LONGEST_BACKOFF = 60.0
SYSTEM_RETRY = 2.0


@dataclass(frozen=True)
class Look:
    """What came of it. ``detail`` is what the engine saw; ``attempts`` counts temporary troubles in a row."""

    decision: Decision
    detail: Json = field(default_factory=dict[str, object])
    attempts: int = 0


def look(kind: Kind, driver: Driver, family: Family) -> Look:
    """Go one step towards the record's goal and say what to write down. Raises only what no driver may raise."""
    record, lifecycle = family.record, kind.lifecycle
    detail: Json = {}
    try:
        try:
            seen = _observe(kind, driver, family)
            detail = seen.detail
            crash_point("reconcile.after_observe")
            return Look(_act(driver, family, _decide(kind, family, seen)), detail)
        except PermanentEngineError as error:
            return Look(_act(driver, family, failed(lifecycle, record, str(error))), detail)
    except TemporaryEngineError as error:
        return _later(kind, record, detail, (str(error), error.retry_after))
    except OSError as error:
        # A full disk, too many open files: the machine's trouble, which may pass.
        reason = f"this machine has a problem: {error.strerror or type(error).__name__}; it is tried again"
        return _later(kind, record, detail, (reason, SYSTEM_RETRY))
    except PermanentEngineError as error:
        decision = failed(lifecycle, record, str(error))
        # What could not be released may still run: that is looked after once more.
        again = LONGEST_BACKOFF if decision.act is Act.RELEASE else decision.due_in
        return Look(replace(decision, act=Act.NONE, due_in=again), detail)


def _later(kind: Kind, record: Record, detail: Json, trouble: tuple[str, float]) -> Look:
    """Come back, ever more rarely, for as long as the trouble lasts."""
    reason, retry_after = trouble
    if record.status in (kind.lifecycle.completing, kind.lifecycle.failing):
        # How the job has ended is worth more than what is in the way of cleaning up.
        reason = record.reason
    pause = min(retry_after * 1.5 ** min(record.attempts, 10), LONGEST_BACKOFF)
    return Look(Decision(Act.NONE, _working_status(kind, record), reason, pause), detail, record.attempts + 1)


def _observe(kind: Kind, driver: Driver, family: Family) -> Observation:
    try:
        return driver.observe(family)
    except PermanentEngineError as error:
        record = family.record
        if record.goal is Goal.PRESENT or (record.goal is Goal.STOPPED and rests(kind.lifecycle, record)):
            raise
        # What cannot be told must not stand in the way of a stop or a delete: release() and remove() look themselves.
        return Observation(Phase.FAILED, str(error))


def _decide(kind: Kind, family: Family, seen: Observation) -> Decision:
    decision = decide(kind, family, seen)
    if decision.act is Act.START and family.record.goal is Goal.PRESENT:
        waiting, never = waits_for(kind, family)
        if never is not None:
            raise PermanentEngineError(never)
        if waiting is not None:
            return Decision(Act.NONE, family.record.status, waiting, 2.0)
    return decision


def _act(driver: Driver, family: Family, decision: Decision) -> Decision:
    if decision.act in (Act.NONE, Act.FORGET):
        return decision
    crash_point("reconcile.before_act")
    if decision.act is Act.START:
        driver.start(family)
    elif decision.act is Act.STOP:
        driver.stop(family)
    elif decision.act is Act.RELEASE and isinstance(driver, SupportsRelease):
        driver.release(family)
    elif decision.act is Act.REMOVE and driver.remove(family):
        decision = Decision(Act.FORGET, decision.status, decision.reason, None)
    crash_point("reconcile.after_act")
    return decision


def _working_status(kind: Kind, record: Record) -> str:
    """While a temporary trouble lasts, a new resource is being created; any other stays what it is."""
    return kind.lifecycle.creating if record.status == kind.lifecycle.requested else record.status
