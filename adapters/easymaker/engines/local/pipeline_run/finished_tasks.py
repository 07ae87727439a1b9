"""The journal of a run, read: which tasks have ended for good, and what they gave.

A task is known by its node and by a digest of all that it was given, so that a pipeline that goes on after a kill
takes up exactly what would come out the same.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.easymaker.engines.local.pipeline_run import artifacts

Json = Any
Event = dict[str, Json]

BEGUN, STOPPING, ENDED, TASK, ATTEMPT = "begun", "stopping", "ended", "task", "attempt"


class DamagedJournal(Exception):
    """Something in the middle of it cannot be read: a machine that lost its power may leave that."""


@dataclass
class History:
    begun_at: float | None = None
    stopping: bool = False
    ended: Event | None = None
    tasks: dict[tuple[str, str], Event] = field(default_factory=dict[tuple[str, str], Event])
    failed_attempts: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    @staticmethod
    def of(events: Iterable[Event]) -> "History":
        """Raises DamagedJournal."""
        history = History()
        try:
            for event in events:
                history.apply(event)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedJournal(str(error)) from error
        return history

    def apply(self, event: Event) -> None:
        kind = event["event"]
        if kind == BEGUN:
            self.begun_at = event["at"]
        elif kind == STOPPING:
            self.stopping = True
        elif kind == ENDED:
            self.ended = event
        elif kind == TASK:
            self.tasks[event["node"], event["digest"]] = event
        elif kind == ATTEMPT:
            self.failed_attempts[event["node"], event["digest"]] = event["number"]


def digest(component: Json, executor: Json, arguments: dict[str, Json], root: Path) -> str:
    """Of a task's program and inputs; an artifact counts with its address, which no two executions share, and size."""
    found = hashlib.sha256()
    for message in (component, executor):
        found.update(message.SerializeToString(deterministic=True) + b"\0")
    plain = {name: artifacts.to_journal(value, root) for name, value in arguments.items()}
    found.update(json.dumps(plain, sort_keys=True, default=str).encode("utf-8", "surrogatepass"))
    return found.hexdigest()
