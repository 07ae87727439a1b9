"""One look: what the engine's troubles become. A trouble that may pass never fails a resource."""

import errno
import os
from datetime import UTC, datetime

import pytest

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.record import Family, Goal, Record
from adapters.easymaker.reconcile.decide import Act
from adapters.easymaker.reconcile.look import LONGEST_BACKOFF, look

EXPERIMENT = KIND_BY_NAME["experiment"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Troubled:
    """A driver that sees nothing and cannot start anything."""

    def __init__(self, trouble: Exception) -> None:
        self.trouble = trouble

    def observe(self, family: Family) -> Observation:
        return Observation(Phase.MISSING)

    def start(self, family: Family) -> None:
        raise self.trouble

    def stop(self, family: Family) -> None:
        raise self.trouble

    def remove(self, family: Family) -> bool:
        raise self.trouble


def requested(attempts: int = 0) -> Family:
    fields = ("id", "experiment", "local", "name", "", "CREATE_REQUESTED", "", Goal.PRESENT)
    return Family(Record(*fields, {}, {}, "owner", NOW, NOW, 1, attempts))


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (TemporaryEngineError("the gateway is starting", retry_after=2.0), "the gateway is starting"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "Too many open files"),
    ],
)
def test_passing_trouble_is_told_and_tried_again_ever_more_rarely(trouble: Exception, told: str) -> None:
    looks = [look(EXPERIMENT, Troubled(trouble), requested(attempts)) for attempts in range(20)]
    assert {each.decision.status for each in looks} == {"CREATE_IN_PROGRESS"}
    assert all(told in each.decision.reason for each in looks)
    assert [each.attempts for each in looks] == list(range(1, 21))
    pauses = [each.decision.due_in or 0 for each in looks]
    assert pauses == sorted(pauses)
    assert pauses[0] == 2.0
    assert pauses[-1] == LONGEST_BACKOFF


def test_permanent_trouble_fails_the_resource_with_its_reason() -> None:
    seen = look(EXPERIMENT, Troubled(PermanentEngineError("no such region")), requested())
    assert (seen.decision.status, seen.decision.reason) == ("CREATE_FAILED", "no such region")
    assert seen.decision.act is Act.NONE
