"""What can go wrong with a request to EasyMaker.

ApiError
├── ApiUnavailable      no answer, or 503, as often as it was tried
├── ApiRefused          an answer that is no success; ``status`` and ``code`` say which
└── ResourceFailed      a resource that was waited for ended in a status that is none to go on with
"""


class ApiError(Exception):
    """Base of all; the message is one sentence for the log of the step."""


class ApiUnavailable(ApiError):
    pass


class ApiRefused(ApiError):
    def __init__(self, message: str, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ResourceFailed(ApiError):
    pass
