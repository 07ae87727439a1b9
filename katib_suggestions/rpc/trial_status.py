"""Marks a Trial as stopped early through the Kubernetes API, and comes back only when the API has taken it.

The metrics collector asks once and fails its pod when that fails, so what may pass is tried again within its time.
A patch of the list of conditions replaces the whole list: it carries the version that it was made from, and is made
again when Katib's controller was faster.
"""

import http.client
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from katib_suggestions.rpc.errors import StatusRefused, StatusUnavailable, TrialNotFound
from katib_suggestions.rpc.service_account import MERGE, Answer, ServiceAccount

EARLY_STOPPED = "EarlyStopped"
# A trial that has ended otherwise keeps its end.
ENDED = ("Succeeded", "Failed", "Killed", "MetricsUnavailable", EARLY_STOPPED)
# As Kubernetes has it; anything else could name another object by its path.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_CONFLICT, _NOT_FOUND = 409, 404
# 401: the token was replaced while the request was under way. 429 and above 500: the server says that it is overloaded.
_PASSING = frozenset({401, 408, _CONFLICT, 429, 500, 502, 503, 504})


class TrialStatuses:
    def __init__(self, account: ServiceAccount, sleep: Callable[[float], None] = time.sleep) -> None:
        self._account = account
        self._sleep = sleep

    def set_early_stopped(self, name: str, seconds: float) -> str:
        """What the trial ends as: EarlyStopped, or how it had ended before. Safe to repeat.

        Raises TrialNotFound, StatusRefused, or StatusUnavailable when the seconds are over.
        """
        if not _NAME.fullmatch(name):
            raise TrialNotFound(f"{name!r} is no name that a trial could have")
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while True:
            left = deadline - time.monotonic()
            outcome = self._attempt(name, max(left, _FIRST_PAUSE))
            if not isinstance(outcome, _Passing):
                return outcome
            if deadline - time.monotonic() <= pause:
                raise StatusUnavailable(f"trial {name} could not be marked within {seconds:.0f} s: {outcome.reason}")
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _attempt(self, name: str, seconds: float) -> "str | _Passing":
        path = f"/apis/kubeflow.org/v1beta1/namespaces/{self._account.namespace}/trials/{name}"
        try:
            found = self._account.request("GET", path, seconds)
            if found.status != http.client.OK:
                return self._failed(name, found)
            end = ended_as(found.body)
            if end is not None:
                return end
            patch = early_stopped_patch(found.body, datetime.now(UTC))
            answer = self._account.request("PATCH", f"{path}/status", seconds, patch, MERGE)
        except (OSError, http.client.HTTPException) as error:
            return _Passing(f"no answer from the Kubernetes API ({type(error).__name__})")
        return EARLY_STOPPED if answer.status == http.client.OK else self._failed(name, answer)

    def _failed(self, name: str, answer: Answer) -> "_Passing":
        if answer.status in _PASSING:
            return _Passing(answer.message)
        if answer.status == _NOT_FOUND:
            raise TrialNotFound(f"there is no trial {name} in namespace {self._account.namespace}")
        raise StatusRefused(f"trial {name} in namespace {self._account.namespace}: {answer.message}")


class _Passing:
    """Worth another attempt."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def ended_as(trial: dict[str, Any]) -> str | None:
    """The type of the condition with which the trial ended, if it has."""
    true = [each.get("type") for each in _conditions(trial) if each.get("status") == "True"]
    return next((each for each in ENDED if each in true), None)


def early_stopped_patch(trial: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A merge patch that only applies to the version of the trial that it was made from."""
    time_text = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {
        "type": EARLY_STOPPED,
        "status": "True",
        "reason": "TrialEarlyStopped",
        "message": "Trial is early stopped",
        "lastUpdateTime": time_text,
        "lastTransitionTime": time_text,
    }
    # Katib takes the last one for the trial's state.
    kept = [each for each in _conditions(trial) if each.get("type") != EARLY_STOPPED]
    version = trial["metadata"]["resourceVersion"]
    return {"metadata": {"resourceVersion": version}, "status": {"conditions": [*kept, condition]}}


def _conditions(trial: dict[str, Any]) -> list[dict[str, Any]]:
    return (trial.get("status") or {}).get("conditions") or []
