"""The one place where errors become HTTP answers."""

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from adapters.easymaker import errors
from adapters.easymaker.api.envelope import failure
from adapters.easymaker.errors import EasyMakerError

log = structlog.get_logger("easymaker.api")

STATUS: dict[type[EasyMakerError], int] = {
    errors.InvalidRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    # An engine's part that the answer needs: a log, a report.
    errors.TemporaryEngineError: 503,
    errors.Unavailable: 503,
}
CODES: dict[int, str] = {status: error.code for error, status in STATUS.items()} | {
    405: "METHOD_NOT_ALLOWED",
    500: "INTERNAL_ERROR",
}
PROBLEMS_SHOWN = 20


def status_of(error: EasyMakerError) -> int:
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return status
    return 500


def answer(error: EasyMakerError) -> Response:
    status = status_of(error)
    headers = {"Retry-After": "2"} if status == 503 else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return failure(status, CODES[status], str(error), headers)


def describe(error: ValidationError) -> str:
    """Pydantic's problems as one sentence each, with the field's name on the wire."""
    told: list[str] = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False)[:PROBLEMS_SHOWN]:
        where = ".".join(str(part) for part in problem["loc"]) or "body"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "there is no such field"
        elif problem["type"] == "missing":
            message = "is needed"
        told.append(f"{where}: {message[0].lower()}{message[1:]}")
    return "; ".join(told)


def install(app: FastAPI) -> None:
    @app.exception_handler(EasyMakerError)
    def _ours(request: Request, error: EasyMakerError) -> Response:
        return answer(error)

    @app.exception_handler(HTTPException)
    def _framework(request: Request, error: HTTPException) -> Response:
        code = CODES.get(error.status_code, "INVALID_REQUEST")
        told = {404: "there is nothing at this path; /docs lists what there is", 405: "not a verb for this path"}
        message = told.get(error.status_code, "the request cannot be answered")
        return failure(error.status_code, code, message, dict(error.headers or {}))

    @app.exception_handler(Exception)
    def _unexpected(request: Request, error: Exception) -> Response:
        # The log has the traceback; the answer tells nothing about the inside.
        log.error("unexpected error", path=request.url.path, exc_info=error)
        return failure(500, "INTERNAL_ERROR", "an unexpected error; the adapter's log has its details", {})
