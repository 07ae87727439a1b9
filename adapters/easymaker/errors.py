"""Every error of the adapter, in one tree.

    EasyMakerError
    ├── RequestError              the caller can mend it: the API answers 4xx with the message
    │   ├── InvalidRequest        a value is wrong                          INVALID_REQUEST
    │   ├── Unauthenticated       no token, or one that nobody issued       UNAUTHENTICATED
    │   ├── Forbidden             the token may not do this                 FORBIDDEN
    │   ├── NotFound              not there, or another appkey's            NOT_FOUND
    │   ├── Conflict              the resource's state does not allow it    CONFLICT
    │   └── TooLarge              the body is over the limit                PAYLOAD_TOO_LARGE
    ├── Unavailable               a part we depend on is away: 503, retry   UNAVAILABLE
    └── EngineError               carrying out a resource failed
        ├── TemporaryEngineError  try again later (the loop does)
        └── PermanentEngineError  trying again cannot help: the resource fails with this reason

HTTP status codes are chosen in api/errors.py and nowhere else.
"""


class EasyMakerError(Exception):
    """Base of all errors raised on purpose. ``str(error)`` is fit to be shown to the caller."""

    code = "INTERNAL_ERROR"


class RequestError(EasyMakerError):
    code = "INVALID_REQUEST"


class InvalidRequest(RequestError):
    code = "INVALID_REQUEST"


class Unauthenticated(RequestError):
    code = "UNAUTHENTICATED"


class Forbidden(RequestError):
    code = "FORBIDDEN"


class NotFound(RequestError):
    code = "NOT_FOUND"


class Conflict(RequestError):
    code = "CONFLICT"


class TooLarge(RequestError):
    code = "PAYLOAD_TOO_LARGE"


class Unavailable(EasyMakerError):
    code = "UNAVAILABLE"


class EngineError(EasyMakerError):
    code = "ENGINE_ERROR"


class TemporaryEngineError(EngineError):
    """The attempt failed, a later one may not.

    ``retry_after`` is in seconds.
    """

    def __init__(self, message: str, retry_after: float = 2.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentEngineError(EngineError):
    """No later attempt can succeed; ``str(error)`` becomes the resource's status reason."""
