"""The statuses of a kind as data: which there are, what they mean, and which may follow which.

Status codes are the guide's words in capitals with underscores. A kind states which status stands for which step of
its life; the reconcile loop decides by these roles and never by a kind's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Lifecycle:
    """Which status a kind has in which step.

    - ``requested`` → ``creating`` → ``up`` (or ``create_failed``) is everybody's beginning.
    - A job ends: ``up`` → ``completing`` → ``complete``, or ``failing`` → ``failed``, or ``stopping`` → ``stopped``.
    - A server stays: from ``up`` to ``updating`` and back, or to ``update_failed``; it is watched all its life.
    - A schedule stays, too: from ``up`` to ``disabled`` and back, or to ``expired``.
    - ``deleting`` → gone, or ``delete_failed``.
    """

    requested: str
    creating: str
    up: str
    create_failed: str
    deleting: str = "DELETE_IN_PROGRESS"
    delete_failed: str | None = None
    completing: str | None = None
    complete: str | None = None
    failing: str | None = None
    failed: str | None = None
    stopping: str | None = None
    stopped: str | None = None
    updating: str | None = None
    update_failed: str | None = None
    disabled: str | None = None
    expired: str | None = None
    retry: bool = False
    descriptions: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_job(self) -> bool:
        return self.complete is not None

    @property
    def is_server(self) -> bool:
        return self.updating is not None

    @property
    def is_schedule(self) -> bool:
        return self.disabled is not None

    @cached_property
    def statuses(self) -> tuple[str, ...]:
        """Every status, each once, in the order of a life."""
        life = (
            self.requested,
            self.creating,
            self.up,
            self.updating,
            self.completing,
            self.complete,
            self.stopping,
            self.stopped,
            self.failing,
            self.failed,
            self.expired,
            self.disabled,
            self.create_failed,
            self.update_failed,
            self.deleting,
            self.delete_failed,
        )
        return tuple(dict.fromkeys(status for status in life if status))

    @cached_property
    def settled(self) -> frozenset[str]:
        """Statuses in which nothing is under way: the resource may be deleted."""
        ends = {self.complete, self.failed, self.stopped, self.create_failed, self.delete_failed, self.update_failed}
        ends |= {self.expired, self.disabled}
        return frozenset(s for s in ends | (set[str | None]() if self.is_job else {self.up}) if s)

    @cached_property
    def failures(self) -> frozenset[str]:
        ends = (self.create_failed, self.failed, self.update_failed, self.delete_failed)
        return frozenset(s for s in ends if s)

    @cached_property
    def stoppable(self) -> frozenset[str]:
        return frozenset({self.requested, self.creating, self.up}) if self.stopping else frozenset()

    @cached_property
    def transitions(self) -> Mapping[str, frozenset[str]]:
        """From each status, the statuses that may follow it. Staying is always allowed and is not listed."""
        table: dict[str, set[str]] = {}

        def allow(source: str | None, *targets: str | None) -> None:
            if source is not None:
                table.setdefault(source, set()).update(t for t in targets if t is not None and t != source)

        after_start = (self.up, self.create_failed, self.completing, self.failing, self.stopping, self.updating)
        allow(self.requested, self.creating, *after_start)
        allow(self.creating, *after_start)
        allow(self.up, self.completing, self.failing, self.stopping, self.updating, self.update_failed)
        if self.is_job:
            # The platform ended the job (a shutdown, a lost node): it begins again.
            allow(self.up, self.creating)
        allow(self.completing, self.complete)
        allow(self.failing, self.failed)
        allow(self.stopping, self.stopped, self.completing)
        allow(self.updating, self.up, self.update_failed)
        if self.is_server:
            allow(self.update_failed, self.up, self.updating)
            allow(self.create_failed, self.up, self.updating)
        if self.is_schedule:
            allow(self.requested, self.expired, self.disabled)
            allow(self.up, self.expired, self.disabled)
            allow(self.expired, self.up, self.disabled)
            allow(self.disabled, self.up, self.expired)
        if self.retry:
            allow(self.create_failed, self.requested)
        deletable = [self.requested, self.creating, self.updating, *self.settled]
        for status in dict.fromkeys(s for s in deletable if s):
            allow(status, self.deleting)
        allow(self.deleting, self.delete_failed)
        allow(self.delete_failed, self.deleting)
        return {source: frozenset(targets) for source, targets in table.items()}

    def allows(self, source: str, target: str) -> bool:
        return source == target or target in self.transitions.get(source, frozenset())
