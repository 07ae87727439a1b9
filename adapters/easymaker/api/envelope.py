"""The envelope of every answer: ``header`` tells the outcome, which is all that the SDK looks at."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi.responses import Response

SUCCESS = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}


def success(content: Mapping[str, Any] | None = None, status: int = 200) -> Response:
    body = {"header": SUCCESS, **(content or {})}
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")


def failure(status: int, code: str, message: str, headers: Mapping[str, str]) -> Response:
    """``resultCode`` is the HTTP status times 100, so that clients which see only the body can tell."""
    header = {"isSuccessful": False, "resultCode": status * 100, "resultMessage": message, "errorCode": code}
    content = orjson.dumps({"header": header})
    return Response(content, status_code=status, media_type="application/json", headers=dict(headers))
