"""Reading JSON bodies: strict, complete problem lists, and merging with what is copied or taken from a template."""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from adapters.easymaker.api.errors import describe
from adapters.easymaker.errors import InvalidRequest

Model = TypeVar("Model", bound=BaseModel)
DEEPEST = 32


def _check(value: Any, depth: int = 0) -> None:
    if depth > DEEPEST:
        raise InvalidRequest(f"the body is nested more than {DEEPEST} levels deep")
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidRequest("the body contains a NUL character")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def read(raw: bytes) -> dict[str, Any]:
    """The body as a JSON object; an empty body is an empty object.

    Raises:
        InvalidRequest: it is no JSON object, or holds what cannot be stored.
    """
    if not raw.strip():
        return {}
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object, such as {…}")
    _check(value)
    return value


def validate(model: type[Model], value: Mapping[str, Any]) -> Model:
    """Raises InvalidRequest with every problem and its field."""
    try:
        return model.model_validate_json(orjson.dumps(value))
    except ValidationError as error:
        raise InvalidRequest(describe(error)) from error


def merge(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` over ``base``; an explicit null drops the value of the base."""
    return {key: value for key, value in {**base, **given}.items() if value is not None or key not in base}
