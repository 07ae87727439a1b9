"""The contract between the reconcile loop and whoever carries resources out.

A driver is level-triggered: it is told what a resource should be and reports what it is. Every method may be called
again at any time, by another replica, after any crash. Names of what a driver makes derive from the resource's id, so
doing something twice does it once. A driver never touches the database.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from adapters.easymaker.kinds.record import Family, Json, Offspring


class Phase(StrEnum):
    """What the engine sees of a resource.

    MISSING: nothing of it is there. PENDING: being prepared. RUNNING: a job works, or a server answers.
    SUCCEEDED, FAILED, STOPPED: a job has ended. FAILED also: a server that the engine has given up on.
    INTERRUPTED: a job was ended by the platform itself, not by anybody's wish; start() begins it again.
    """

    MISSING = "MISSING"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"
    INTERRUPTED = "INTERRUPTED"


@dataclass(frozen=True)
class Observation:
    """``reason`` says why it is so; that of an end stays the resource's, be it good or bad.

    ``detail`` is merged into the record's state; ``recheck`` is the pause in seconds until the next look. ``offspring``
    are resources that have to be there because of what was seen; they are stored with ``detail``, or not at all.
    """

    phase: Phase
    reason: str = ""
    detail: Json = field(default_factory=dict[str, Any])
    recheck: float = 1.0
    offspring: tuple[Offspring, ...] = ()


class Driver(Protocol):
    """Carries out one kind of resource.

    Every method may raise TemporaryEngineError (the loop comes back) or PermanentEngineError (the resource fails with
    its message). None may block for longer than a few seconds: what takes longer is started and then observed.
    """

    def observe(self, family: Family) -> Observation:
        """Look, change nothing."""
        ...

    def start(self, family: Family) -> None:
        """Make it be there, or be as the record says now. Already so is success."""
        ...

    def stop(self, family: Family) -> None:
        """Ask a job to end; observe() tells when it has. Missing or ended is success."""
        ...

    def remove(self, family: Family) -> bool:
        """Remove every trace. True when nothing is left (missing is success), False to be called again."""
        ...


@runtime_checkable
class SupportsRelease(Protocol):
    def release(self, family: Family) -> None:
        """Give back what an ended job does not need any more; its log and result stay readable."""
        ...


@runtime_checkable
class SupportsLogs(Protocol):
    def read_log(self, family: Family, offset: int, limit: int) -> tuple[bytes, bool]:
        """Up to ``limit`` bytes from byte ``offset`` on, and whether the log can still grow."""
        ...


@runtime_checkable
class SupportsPartLogs(Protocol):
    def read_part_log(self, family: Family, part: str, offset: int, limit: int) -> tuple[bytes, bool]:
        """As ``read_log``, of one part of the resource, such as a training of a tuning.

        Raises:
            NotFound: it has no such part.
        """
        ...


@runtime_checkable
class SupportsReports(Protocol):
    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        """The report that the kind declares at ``path``; ``query`` has those of its parameters that were given.

        Raises:
            NotFound: the query names what is not there.
        """
        ...


@dataclass(frozen=True)
class Content:
    """Bytes that a caller asked for. ``name`` is a file's; ``pieces`` may be read once."""

    name: str
    pieces: Iterator[bytes]
    media_type: str = "application/octet-stream"


@runtime_checkable
class SupportsDownloads(Protocol):
    def download(self, path: str, family: Family, query: Mapping[str, str]) -> Content:
        """What the kind declares at ``path``; ``query`` has all of its parameters.

        Raises:
            NotFound: there is no such thing, or it is not there any more.
        """
        ...


@dataclass(frozen=True)
class Part:
    """One program that the engine runs for itself. ``state`` is STARTING, RUNNING or DOWN."""

    name: str
    state: str
    address: str = ""
    detail: str = ""


class Platform(Protocol):
    """What an engine needs around its drivers: its own programs, and their supervision."""

    def start(self, on_progress: Callable[[Part], None]) -> None: ...

    def supervise(self) -> list[str]:
        """Start again what has died; returns the names. Called every second or so."""
        ...

    def parts(self) -> list[Part]: ...

    def stop(self) -> None:
        """End the engine's own programs, and with them every server and job."""
        ...


@runtime_checkable
class SupportsChanges(Protocol):
    """A platform that sees what happens to resources. It calls ``on_change`` with their ids, from any thread."""

    on_change: Callable[[Collection[str]], None]


@runtime_checkable
class SupportsLateChanges(Protocol):
    """As ``SupportsChanges``, of resources at which nobody looks any more, such as jobs that have ended."""

    on_late_change: Callable[[Collection[str]], None]


@dataclass(frozen=True)
class Engine:
    name: str
    drivers: Mapping[str, Driver]
    platform: Platform

    def driver(self, kind: str) -> Driver:
        return self.drivers[kind]
