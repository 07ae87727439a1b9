"""Whether a request or an answer is one of Kubeflow Pipelines' own models, to the last field.

The models drop what they do not know; here that is an error.
"""

import re
from datetime import datetime
from typing import Any

from kfp_server_api import models

SIMPLE = {"str": str, "int": int, "bool": bool, "float": (int, float)}
_LIST, _DICT = re.compile(r"list\[(.+)\]"), re.compile(r"dict\(str, (.+)\)")


def require_model(name: str, given: Any) -> None:
    """Raises AssertionError with every field that the model does not have so."""
    problems = list(_problems(name, given, name))
    assert not problems, problems


def _problems(kind: str, given: Any, place: str) -> list[str]:
    if kind == "object":
        return []
    if found := _LIST.fullmatch(kind):
        if not isinstance(given, list):
            return [f"{place}: is no list"]
        return [each for i, item in enumerate(given) for each in _problems(found[1], item, f"{place}[{i}]")]
    if found := _DICT.fullmatch(kind):
        if not isinstance(given, dict):
            return [f"{place}: is no object"]
        return [each for key, item in given.items() for each in _problems(found[1], item, f"{place}.{key}")]
    if kind == "datetime":
        return _time_problems(given, place)
    if kind in SIMPLE:
        return [] if isinstance(given, SIMPLE[kind]) else [f"{place}: {given!r} is no {kind}"]
    return _model_problems(getattr(models, kind), given, place)


def _time_problems(given: Any, place: str) -> list[str]:
    try:
        return [] if datetime.fromisoformat(given).tzinfo else [f"{place}: {given!r} has no time zone"]
    except (TypeError, ValueError):
        return [f"{place}: {given!r} is no time"]


def _model_problems(model: Any, given: Any, place: str) -> list[str]:
    if not model.openapi_types:
        return [] if given in model.allowable_values else [f"{place}: {given!r} is not one of {model.allowable_values}"]
    if not isinstance(given, dict):
        return [f"{place}: is no object"]
    kinds = {model.attribute_map[name]: kind for name, kind in model.openapi_types.items()}
    problems = [f"{place}: has no field {key}" for key in given if key not in kinds]
    return problems + [
        each for key, item in given.items() if key in kinds for each in _problems(kinds[key], item, f"{place}.{key}")
    ]
