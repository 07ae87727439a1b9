"""Who calls and what they may do, as the cluster itself says: TokenReview and SubjectAccessReview.

Roles are granted with ordinary RBAC on the virtual API group easymaker.kubeflow.org: its resources are the plurals of
the kinds, a namespace is an appkey. Nothing is allowed that the API server has not allowed, lately.
"""

import base64
import binascii
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import orjson
import structlog

from adapters.easymaker.access import Access, Principal
from adapters.easymaker.engines.cluster.api_resources import ACCESS_REVIEW, TOKEN_REVIEW, ApiResource
from adapters.easymaker.engines.cluster.names import DOMAIN, namespace_of
from adapters.easymaker.errors import (
    Forbidden,
    PermanentEngineError,
    TemporaryEngineError,
    Unauthenticated,
    Unavailable,
)
from adapters.easymaker.kinds.record import Json

log = structlog.get_logger("easymaker.cluster")

# How long an answer is believed: a revoked token or role works for so long at most.
TOKEN_SECONDS = 60.0
BAD_TOKEN_SECONDS = 5.0
ALLOWED_SECONDS = 10.0
DENIED_SECONDS = 2.0
ANSWERS_KEPT = 4096

NOT_VALID = "the token is not valid here: it has expired, is meant for somebody else, or the cluster does not know it"
AWAY = "the cluster cannot be asked who the caller is and what it may do; try again in a moment"

Clock = Callable[[], float]
Answer = TypeVar("Answer")


class Reviews(Protocol):
    """What is needed of an ApiServer."""

    def create(self, resource: ApiResource, body: Json) -> Json: ...


class Answers(Generic[Answer]):
    """Answers by key, each for its time; of too many the oldest are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()

    def get(self, key: bytes) -> Answer | None:
        with self._lock:
            until, answer = self._kept.get(key, (0.0, None))
            return answer if self._clock() < until else None

    def keep(self, key: bytes, answer: Answer, until: float) -> Answer:
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (until, answer)
            while len(self._kept) > ANSWERS_KEPT:
                self._kept.popitem(last=False)
        return answer


class TokenReviewAuthenticator:
    """Any token that the API server takes: of service accounts, of people through the cluster's identity provider.

    ``audiences``: the token must be meant for one of these; none: for the API server itself. Tokens are kept only as
    their digests.
    """

    # Tokens of service accounts have about 1 KiB, those of identity providers grow with the groups of their users.
    longest_token = 16 * 1024

    def __init__(
        self, server: Reviews, audiences: Sequence[str] = (), clock: Clock = time.monotonic, wall: Clock = time.time
    ) -> None:
        self._server = server
        self._audiences = tuple(audiences)
        self._clock = clock
        self._wall = wall
        # Apart, so that made-up tokens do not drive out the answers for good ones.
        self._callers: Answers[Principal] = Answers(clock)
        self._refused: Answers[bool] = Answers(clock)

    def authenticate(self, token: str) -> Principal:
        raw = token.encode("utf-8", "surrogatepass")
        key = hashlib.sha256(raw).digest()
        caller = self._callers.get(key)
        if caller is not None:
            return caller
        # When it is asked, not when the answer comes: an answer may be old by then.
        now = self._clock()
        left = _seconds_left(raw, self._wall())
        if not raw.isascii() or left <= 0 or self._refused.get(key):
            raise Unauthenticated(NOT_VALID)
        caller = self._review(token)
        if caller is None:
            self._refused.keep(key, True, now + BAD_TOKEN_SECONDS)
            raise Unauthenticated(NOT_VALID)
        return self._callers.keep(key, caller, now + min(TOKEN_SECONDS, left))

    def _review(self, token: str) -> Principal | None:
        spec: Json = {"token": token} | ({"audiences": list(self._audiences)} if self._audiences else {})
        status = _review(self._server, TOKEN_REVIEW, spec)
        user: Json = status.get("user") or {}
        if status.get("authenticated") is not True or not user.get("username"):
            return None
        # An authenticator that knows nothing of audiences says so by naming none.
        if self._audiences and not set(self._audiences).intersection(status.get("audiences") or ()):
            return None
        return Principal(
            name=user["username"],
            groups=tuple(user.get("groups") or ()),
            uid=user.get("uid") or "",
            extra={name: tuple(values or ()) for name, values in (user.get("extra") or {}).items()},
        )


class AccessReviewPolicy:
    """RBAC, and whatever else the API server asks, decides on every verb and resource in the appkey's namespace."""

    def __init__(self, server: Reviews, clock: Clock = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._answers: Answers[bool] = Answers(clock)

    def authorize(self, principal: Principal, access: Access) -> None:
        if not self._allowed(principal, access):
            raise Forbidden(
                f"{principal.name} may not {access}: the namespace has no role for it "
                f"(API group {DOMAIN}, resource {access.kind_plural}, verb {access.verb})"
            )

    def _allowed(self, principal: Principal, access: Access) -> bool:
        spec = _question(principal, access)
        key = hashlib.sha256(orjson.dumps(spec, option=orjson.OPT_SORT_KEYS)).digest()
        known = self._answers.get(key)
        if known is not None:
            return known
        now = self._clock()
        status = _review(self._server, ACCESS_REVIEW, spec)
        if status.get("evaluationError"):
            log.warning("access could not be judged in full", access=str(access), error=status["evaluationError"])
        allowed = status.get("allowed") is True and status.get("denied") is not True
        return self._answers.keep(key, allowed, now + (ALLOWED_SECONDS if allowed else DENIED_SECONDS))


def _question(principal: Principal, access: Access) -> Json:
    """Without a namespace it would be a question about all of them: that is never asked.

    Raises:
        Forbidden: the appkey cannot be a namespace.
    """
    try:
        namespace = namespace_of(access.appkey)
    except PermanentEngineError as error:
        raise Forbidden(f"{principal.name} may not {access.verb} {access.kind_plural}: {error}") from error
    attributes = {"namespace": namespace, "group": DOMAIN, "resource": access.kind_plural, "verb": str(access.verb)}
    return {
        "user": principal.name,
        "groups": list(principal.groups),
        "uid": principal.uid,
        "extra": {name: list(values) for name, values in principal.extra.items()},
        "resourceAttributes": attributes | ({"name": access.name} if access.name else {}),
    }


def _review(server: Reviews, resource: ApiResource, spec: Json) -> dict[str, Any]:
    """The status of a review; nothing of the question, which may hold a token, gets into a log or an answer.

    Raises:
        Unavailable: there is no answer.
    """
    try:
        return server.create(resource, {"spec": spec}).get("status") or {}
    except TemporaryEngineError as error:
        log.warning("no review", kind=resource.kind, reason=str(error))
        raise Unavailable(AWAY) from error
    except PermanentEngineError:
        # A question that the server finds malformed: nobody it knows asks for anything it knows.
        log.warning("review refused as malformed", kind=resource.kind)
        return {}


def _seconds_left(token: bytes, now: float) -> float:
    """How long a JWT is valid still by its own words, which can only shorten it; infinite for anything else."""
    parts = token.split(b".")
    if len(parts) != 3:
        return float("inf")
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
        return float(claims["exp"]) - now
    except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return float("inf")
