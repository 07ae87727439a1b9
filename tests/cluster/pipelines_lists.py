"""Lists of Kubeflow Pipelines: its filters, its order and its pages, with what it refuses of each."""

import base64
import json
from datetime import datetime
from typing import Any

from tests.cluster.pipelines_models import require_model

Json = dict[str, Any]
DEFAULT_PAGE, LARGEST_PAGE = 20, 200
KEYS = {
    "experiments": {"experiment_id", "display_name", "created_at", "description", "namespace", "storage_state"},
    "runs": {
        "run_id", "display_name", "created_at", "finished_at", "description", "scheduled_at", "storage_state",
        "namespace", "experiment_id", "state", "recurring_run_id",
    },
    "recurringRuns": {"recurring_run_id", "display_name", "created_at", "updated_at", "description"},
    "pipeline_versions": {"pipeline_version_id", "name", "display_name", "created_at", "description"},
}  # fmt: skip
VALUES = {"stringValue": "string_value", "timestampValue": "timestamp_value"}


class BadList(Exception):
    pass


def page_of(found: list[Json], key: str, query: dict[str, str], model: str) -> Json:
    """One page, as an answer: what is empty is not there."""
    predicates = _predicates(query.get("filter", ""), KEYS[key])
    matching = [each for each in found if all(_holds(predicate, each) for predicate in predicates)]
    _sort(matching, query.get("sort_by", ""), KEYS[key])
    criteria = f"{query.get('sort_by', '')} {query.get('filter', '')}"
    begin = _begin(query.get("page_token", ""), criteria)
    size = min(int(query.get("page_size", "0")) or DEFAULT_PAGE, LARGEST_PAGE)
    answer: Json = {key: matching[begin : begin + size], "total_size": len(matching)}
    if begin + size < len(matching):
        token = json.dumps([begin + size, criteria]).encode()
        answer["next_page_token"] = base64.b64encode(token).decode()
    require_model(model, answer)
    return {name: value for name, value in answer.items() if value}


def _predicates(text: str, keys: set[str]) -> list[Json]:
    given = json.loads(text) if text else {}
    for predicate in given.get("predicates", []):
        for name, known in VALUES.items():
            if name in predicate:
                predicate[known] = predicate.pop(name)
        if predicate["key"] not in keys:
            raise BadList(f"no support for filtering on unrecognized field {predicate['key']!r}")
    require_model("V2beta1Filter", given)
    return given.get("predicates", [])


def _holds(predicate: Json, each: Json) -> bool:
    value = each.get(predicate["key"], "")
    operation = predicate["operation"]
    if operation == "IS_SUBSTRING":
        # As its data base compares: small and capital letters are the same.
        return predicate["string_value"].lower() in value.lower()
    if operation == "EQUALS":
        return value == predicate["string_value"]
    if operation == "GREATER_THAN_EQUALS":
        return datetime.fromisoformat(value) >= datetime.fromisoformat(predicate["timestamp_value"])
    raise BadList(f"this double does not know {operation}")


def _sort(found: list[Json], order: str, keys: set[str]) -> None:
    words = order.lower().split() or ["created_at", "asc"]
    if words[0] not in keys or len(words) > 2 or words[1:] not in ([], ["asc"], ["desc"]):
        raise BadList(f"Invalid sorting field: {order!r}")
    found.sort(key=lambda each: str(each.get(words[0], "")), reverse=words[1:] == ["desc"])


def _begin(token: str, criteria: str) -> int:
    if not token:
        return 0
    begin, given = json.loads(base64.b64decode(token))
    if given != criteria:
        raise BadList("page token does not match the supplied sort by and/or filtering criteria")
    return begin
