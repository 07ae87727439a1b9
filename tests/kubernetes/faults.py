"""Which requests fail, how, and how often: the rules of the fault proxy, and their book-keeping."""

import json
import threading
from dataclasses import dataclass
from enum import StrEnum

from tests.kubernetes.request_attributes import RequestAttributes


class FaultKind(StrEnum):
    """What happens to a request, or to a running watch, that a rule matches."""

    CONFLICT = "409"
    GONE = "410"
    TOO_MANY = "429"
    INTERNAL = "500"
    UNAVAILABLE = "503"
    EXPIRED_TOKEN = "expired_token"
    # The connection ends without an answer, and the server has not seen the request.
    CUT = "cut"
    # The server has done what was asked, and its answer is lost. A watch loses its next event and ends.
    CUT_AFTER = "cut_after"
    # Held for ``seconds``, then forwarded.
    PAUSE = "pause"
    # An ERROR event 410 instead of the next event, at once if the watch has just begun; the watch ends.
    STALE_WATCH = "stale_watch"
    # The next event never arrives; the watch goes on.
    DROP_WATCH_EVENTS = "drop_watch_events"


ANSWERED = {
    FaultKind.CONFLICT: (409, "Conflict", "the object has been modified"),
    FaultKind.GONE: (410, "Expired", "too old resource version"),
    FaultKind.TOO_MANY: (429, "TooManyRequests", "too many requests, please try again later"),
    FaultKind.INTERNAL: (500, "InternalError", "an internal error occurred"),
    FaultKind.UNAVAILABLE: (503, "ServiceUnavailable", "the server is currently unable to handle the request"),
    FaultKind.EXPIRED_TOKEN: (401, "Unauthorized", "Unauthorized"),
}
_OF_EVENTS = {FaultKind.STALE_WATCH, FaultKind.DROP_WATCH_EVENTS, FaultKind.CUT_AFTER}


@dataclass(frozen=True)
class Fault:
    """``verb`` and ``resource`` may be ``*``; ``resource`` is ``pods`` or ``pods/status``; ``times`` None is always."""

    verb: str
    resource: str
    kind: FaultKind | str
    times: int | None = 1
    # For a pause, and as Retry-After.
    seconds: float = 1
    # Only requests for this object; with None, all.
    name: str | None = None

    def matches(self, request: RequestAttributes) -> bool:
        return (
            self.verb in ("*", request.verb)
            and self.resource in ("*", request.full_resource)
            and self.name in (None, request.name)
        )


class FaultBook:
    """The rules in the order they were given; the first one that matches and is not used up is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[tuple[Fault, list[int]]] = []
        self._fired: list[tuple[Fault, RequestAttributes]] = []

    def add(self, *faults: Fault) -> None:
        with self._lock:
            # Refuses an unknown kind here, not in the proxy's thread.
            self._rules += [(fault, [0]) for fault in faults if FaultKind(fault.kind)]

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    @property
    def fired(self) -> list[tuple[Fault, RequestAttributes]]:
        with self._lock:
            return list(self._fired)

    def unused(self) -> list[Fault]:
        """What has not happened as often as it should: a test that passes without its fault has shown nothing."""
        with self._lock:
            return [fault for fault, used in self._rules if used[0] < (fault.times or 1)]

    def for_request(self, request: RequestAttributes) -> Fault | None:
        """What happens instead of, or before, the forwarding; faults of a watch's events wait for the events."""
        ignored = _OF_EVENTS if request.verb == "watch" else {FaultKind.STALE_WATCH, FaultKind.DROP_WATCH_EVENTS}
        return self._take(request, set(FaultKind) - ignored)

    def for_event(self, watch: RequestAttributes) -> Fault | None:
        return self._take(watch, _OF_EVENTS)

    def for_new_watch(self, watch: RequestAttributes) -> Fault | None:
        return self._take(watch, {FaultKind.STALE_WATCH})

    def _take(self, request: RequestAttributes, kinds: set[FaultKind]) -> Fault | None:
        with self._lock:
            for fault, used in self._rules:
                left = fault.times is None or used[0] < fault.times
                if left and FaultKind(fault.kind) in kinds and fault.matches(request):
                    used[0] += 1
                    self._fired.append((fault, request))
                    return fault
        return None


def status_document(fault: Fault) -> tuple[int, bytes]:
    """The Status that an API server answers with."""
    code, reason, message = ANSWERED[FaultKind(fault.kind)]
    document = {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    }  # fmt: skip
    if code == 429:
        document["details"] = {"retryAfterSeconds": int(fault.seconds)}
    return code, json.dumps(document).encode()


def stale_event() -> bytes:
    _, document = status_document(Fault("watch", "*", FaultKind.GONE))
    return b'{"type":"ERROR","object":' + document + b"}\n"
