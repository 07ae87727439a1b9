"""The reconcile loop: claim, observe, decide, act, apply. Several replicas may run it against one database."""

import contextlib
import threading
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import structlog
from prometheus_client import Counter, Histogram

from adapters.easymaker.crash_points import crash_point
from adapters.easymaker.engines.base import Driver, Engine
from adapters.easymaker.errors import TemporaryEngineError, Unavailable
from adapters.easymaker.kinds import KIND_BY_NAME, KINDS
from adapters.easymaker.kinds.record import Family, Goal
from adapters.easymaker.reconcile.decide import Act
from adapters.easymaker.reconcile.look import LONGEST_BACKOFF, look
from adapters.easymaker.store import families, leases, notifications, resources
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.leases import Lease, Outcome

log = structlog.get_logger("easymaker.reconcile")

LOOKS = Counter("easymaker_reconcile_looks", "Looks at a resource", ["kind", "result"])
SECONDS = Histogram("easymaker_reconcile_seconds", "Duration of one look at a resource", ["kind"])
IDLE_SECONDS = 5.0
REMOVE_AGAIN_SECONDS = 0.3

SOURCE_KINDS = tuple(kind.name for kind in KINDS if any(link.owner for link in kind.links))


@dataclass(frozen=True)
class Pace:
    """Seconds: how long a lease holds, and the longest pause between safety-net scans. ``workers`` is a count."""

    workers: int = 4
    lease_seconds: float = 30.0
    resync_seconds: float = 1.0


class Reconciler:
    """Runs the loop in threads of its own until ``stop``."""

    def __init__(self, database: Database, engine: Engine, pace: Pace) -> None:
        self._database = database
        self._engine = engine
        self._pace = pace
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._busy = threading.BoundedSemaphore(pace.workers)
        self._interrupted: deque[Lease] = deque()
        self._missed: deque[list[str]] = deque()
        self._held: set[str] = set()
        self._held_lock = threading.Lock()
        self._pool = ThreadPoolExecutor(pace.workers, thread_name_prefix="reconcile")
        self._threads = [
            threading.Thread(target=self._dispatch, name="dispatch", daemon=True),
            threading.Thread(target=self._renew, name="renew", daemon=True),
            threading.Thread(
                target=notifications.listen, args=(database, self._wake.set, self._stop), name="listen", daemon=True
            ),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the looks under way and end. Their leases are given back by finishing."""
        self._stop.set()
        self._wake.set()
        # Nothing is cancelled: what has been claimed is looked at, or its lease would have to expire.
        self._pool.shutdown(wait=True)
        for thread in self._threads:
            thread.join(timeout=notifications.CHECK_SECONDS + 1)

    def _dispatch(self) -> None:
        while not self._stop.is_set():
            self._busy.acquire()
            lease: Lease | None = None
            pause = self._pace.resync_seconds
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                self._give_back_interrupted()
                self._wake_missed()
                lease, pause = self._claim()
            except Unavailable as error:
                log.warning("database away", reason=str(error))
            except Exception:
                log.exception("claiming failed")
            if lease is None:
                self._busy.release()
                self._wake.wait(pause)
                continue
            try:
                self._pool.submit(self._look, lease)
            except RuntimeError:
                # Stopped meanwhile: another replica, or the next start, must not have to wait for the lease to expire.
                self._busy.release()
                self._give_back(lease)
                return

    def _claim(self) -> tuple[Lease | None, float]:
        with self._database.transaction() as connection:
            lease = leases.claim(connection, str(uuid.uuid4()), self._pace.lease_seconds)
            if lease is not None:
                return lease, 0.0
            due = leases.next_due(connection)
        if due is None:
            return None, IDLE_SECONDS
        return None, min(max(due, 0.01), self._pace.resync_seconds)

    def _give_back_interrupted(self) -> None:
        """The database is there again: what its absence has interrupted need not wait until its lease expires."""
        while self._interrupted:
            lease = self._interrupted.popleft()
            try:
                with self._database.transaction() as connection:
                    leases.release(connection, lease)
            except Unavailable:
                self._interrupted.appendleft(lease)
                raise

    def _wake_missed(self) -> None:
        """Those whose neighbour has changed while somebody else was writing them."""
        while True:
            try:
                missed = self._missed.popleft()
            except IndexError:
                return
            try:
                with self._database.transaction() as connection:
                    leases.look_again(connection, missed)
            except Unavailable:
                self._missed.appendleft(missed)
                raise

    def _give_back(self, lease: Lease) -> None:
        try:
            with self._database.transaction() as connection:
                leases.release(connection, lease)
        except Unavailable as error:
            log.warning("giving a lease back failed", resource=lease.record.id, reason=str(error))

    def _renew(self) -> None:
        while not self._stop.wait(self._pace.lease_seconds / 3):
            with self._held_lock:
                tokens = list(self._held)
            if not tokens:
                continue
            try:
                with self._database.transaction() as connection:
                    leases.renew(connection, tokens, self._pace.lease_seconds)
            except Exception as error:
                log.warning("renewing leases failed", reason=str(error))

    def _look(self, lease: Lease) -> None:
        started = time.monotonic()
        result = "ok"
        with self._held_lock:
            self._held.add(lease.token)
        try:
            crash_point("reconcile.after_claim")
            self._reconcile(lease)
        except Unavailable:
            result = "database away"
            self._interrupted.append(lease)
        except Exception:
            result = "error"
            log.exception("look failed", resource=lease.record.id, kind=lease.record.kind)
            self._postpone(lease)
        finally:
            with self._held_lock:
                self._held.discard(lease.token)
            self._busy.release()
            LOOKS.labels(lease.record.kind, result).inc()
            SECONDS.labels(lease.record.kind).observe(time.monotonic() - started)

    def _postpone(self, lease: Lease) -> None:
        """A resource that breaks the loop's own code must not stop the others: it is tried again, ever more rarely."""
        attempts = lease.record.attempts + 1
        pause = min(2.0 ** min(attempts, 10), LONGEST_BACKOFF)
        reason = "internal error; see the adapter's log"
        outcome = Outcome(lease.record.status, reason, due_in=pause, attempts=attempts)
        try:
            with self._database.transaction() as connection:
                leases.apply(connection, lease, outcome)
        except Exception as error:
            log.warning("postponing failed", resource=lease.record.id, reason=str(error))

    def _reconcile(self, lease: Lease) -> None:
        kind = KIND_BY_NAME[lease.record.kind]
        with self._database.transaction() as connection:
            family = families.load(
                connection, [lease.record], refs=True, source_kinds=SOURCE_KINDS, followed=kind.follows
            )[0]
        driver = self._engine.driver(kind.name)
        seen = look(kind, driver, family)
        decision = seen.decision
        crash_point("reconcile.before_apply")
        missed: list[str] = []
        with self._database.transaction() as connection:
            if decision.act is Act.FORGET:
                written = leases.forget(connection, lease, missed)
            else:
                outcome = Outcome(decision.status, decision.reason, seen.detail, decision.due_in, seen.attempts)
                written = leases.apply(connection, lease, outcome, missed)
                if written and decision.offspring:
                    resources.bring_forth(
                        connection, lease.record, [kind.spawn(family, each) for each in decision.offspring]
                    )
        crash_point("reconcile.after_apply")
        if missed:
            self._missed.append(missed)
            self._wake_missed()
        if not written:
            self._remove_if_forgotten(driver, family)
        self._wake.set()

    def _remove_if_forgotten(self, driver: Driver, family: Family) -> None:
        """A look that was suspended beyond its lease may have started what others have meanwhile deleted."""
        record = family.record
        with self._database.transaction() as connection:
            if resources.exists(connection, record.kind, record.id):
                return
        log.warning("looked at after it was deleted; removing what is left", resource=record.id, kind=record.kind)
        gone = replace(family, record=replace(record, goal=Goal.ABSENT))
        deadline = time.monotonic() + self._pace.lease_seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(TemporaryEngineError):
                if driver.remove(gone):
                    return
            time.sleep(REMOVE_AGAIN_SECONDS)
