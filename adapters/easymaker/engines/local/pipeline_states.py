"""From a run's state file, and its program's end, to what the engine answers. Pure."""

from typing import Any

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.processes import ProcessState
from adapters.easymaker.engines.pipelines import NodeView
from adapters.easymaker.errors import NotFound
from adapters.easymaker.kinds.record import Json

_UNDER_WAY = ("PENDING", "RUNNING")
_PHASES = {"SUCCEEDED": Phase.SUCCEEDED, "FAILED": Phase.FAILED, "CANCELED": Phase.STOPPED}


def ended(state: Json, detail: Json) -> Observation:
    reason = "" if state["state"] == "SUCCEEDED" else state["reason"]
    return Observation(_PHASES[state["state"]], reason, detail)


def died(process: ProcessState) -> bool:
    """Whether the run's program has come to an end that it did not mean to."""
    return process.cause not in ("stopped", "lost") and process.exit_code not in (interface.IN_USE, interface.GOES_ON)


def node(state: Json | None, node_id: str) -> Json | None:
    return next((each for each in (state or {}).get("nodes", ()) if each["id"] == node_id), None)


def goes_on(node: Json) -> bool:
    return node["state"] in _UNDER_WAY


def artifact(node: Json, name: str) -> Json:
    """The artifact of the node that its graph shows under this name; NotFound with those that there are."""
    named = _named(node)
    found = next((each for each in named if each["name"] == name), None)
    if found is None:
        there = ", ".join(each["name"] for each in named) or "none"
        raise NotFound(f"node {node['id']} has no artifact {name[:200]!r}; it has {there}")
    return found


def views(state: Json, over: bool) -> list[NodeView]:
    """``over``: nothing goes on, whatever the file says: its program may have been killed while it was stopped."""
    return [_view(each, over) for each in state["nodes"]]


def _view(node: Json, over: bool) -> NodeView:
    return NodeView(
        id=node["id"],
        graph_id=node["graphId"],
        name=node["name"],
        display_name=node["displayName"],
        kind=node["kind"],
        parent_id=node["parentId"],
        state="CANCELED" if over and goes_on(node) else node["state"],
        started_at=node["startedAt"],
        finished_at=node["endedAt"],
        attempts=node["attempts"],
        reason=node["reason"],
        cached=node["cached"],
        inputs=node["inputs"],
        outputs=node["outputs"],
        artifacts=tuple(_named(node)),
        truncated=tuple(node["truncated"]),
        notes=tuple(node["notes"]),
    )


def _named(node: Json) -> list[Json]:
    """The artifacts by output; those of one output that gives several are numbered."""
    outputs = [each["output"] for each in node["artifacts"]]
    seen: dict[str, int] = {}
    named: list[dict[str, Any]] = []
    for each in node["artifacts"]:
        name = each["output"]
        number = seen.get(name, 0)
        seen[name] = number + 1
        shown = f"{name}[{number}]" if outputs.count(name) > 1 else name
        named.append({"name": shown} | {key: each[key] for key in ("type", "uri", "metadata", "size")})
    return named
