"""What both engines know about a pipeline and tell about its runs in the same words."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.easymaker.errors import NotFound
from adapters.easymaker.kinds.pipeline import stored
from adapters.easymaker.kinds.record import Family, Json
from adapters.easymaker.kinds.run_answers import moment
from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.graph import graph
from adapters.easymaker.pipelines.reading import read

NAS_DIRECTORY = "EM_NAS_DIR"
"""The variable that tells a step the directory with its run's nasList, a folder per mountDirName."""
ITERATION = "ITERATION"
"""A kind of node that only runs have: one pass of a loop, with the loop as its parent."""


def pipeline_report(path: str, family: Family) -> Json:
    """The report that the kind declares at ``path``."""
    pipeline = stored(family.record.spec)
    if path == "manifest":
        return {"pipelineSpec": pipeline.spec, "platformSpec": pipeline.platforms}
    return graph(read(pipeline))


class PipelineReports:
    """Of drivers of pipelines."""

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        return pipeline_report(path, family)


def document_text(pipeline: Pipeline) -> str:
    """The pipeline as a document that ``documents.load`` and kfp read: JSON, which is YAML without its surprises."""
    documents = [pipeline.spec] if pipeline.platforms is None else [pipeline.spec, pipeline.platforms]
    return "\n---\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in documents)


@dataclass(frozen=True)
class NodeView:
    """One node of a run, as an engine sees it. ``graph_id`` is that of the pipeline's node it came from.

    ``state`` is PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED or SKIPPED; times are seconds since the epoch; artifacts
    have name, type, uri, metadata and size (None where it is not known).
    """

    id: str
    graph_id: str
    name: str
    display_name: str
    kind: str
    parent_id: str | None
    state: str = "PENDING"
    started_at: float | None = None
    finished_at: float | None = None
    attempts: int = 0
    reason: str = ""
    cached: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    artifacts: tuple[Json, ...] = ()
    truncated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def not_begun(pipeline_graph: Json) -> list[NodeView]:
    """The nodes of a run of which nothing has been done yet."""
    return [
        NodeView(node["id"], node["id"], node["name"], node["displayName"], node["kind"], node["parentId"])
        for node in pipeline_graph["nodes"]
    ]


def run_graph(pipeline_graph: Json, views: Iterable[NodeView], query: Mapping[str, str]) -> Json:
    """A run's report ``graph``, whole or of one node.

    Raises:
        NotFound: the run has no such node.
    """
    nodes = list(views)
    edges = _edges(pipeline_graph, nodes)
    wanted = query.get("nodeId")
    if wanted is not None:
        nodes = [node for node in nodes if node.id == wanted]
        edges = [edge for edge in edges if wanted in edge.values()]
        if not nodes:
            raise NotFound(f"the run has no node {wanted[:200]!r}; its graph lists them")
    ports = {node["id"]: node for node in pipeline_graph["nodes"]}
    return {"nodes": [_node(node, ports.get(node.graph_id, {})) for node in nodes], "edges": edges}


def _edges(pipeline_graph: Json, nodes: list[NodeView]) -> list[Json]:
    """Those of the pipeline, repeated in every iteration; both ends of one have the same parent."""
    sources: dict[str, list[str]] = {}
    for edge in pipeline_graph["edges"]:
        sources.setdefault(edge["to"], []).append(edge["from"].rpartition("/")[2])
    edges: list[Json] = []
    for node in nodes:
        if node.kind != ITERATION:
            around = node.id.rpartition("/")[0]
            for name in sources.get(node.graph_id, ()):
                edges.append({"from": f"{around}/{name}" if around else name, "to": node.id})
    return edges


def _node(node: NodeView, declared: Json) -> Json:
    files = {port["name"] for port in declared.get("inputs", ()) if port["kind"] == "ARTIFACT"}
    return {
        "id": node.id,
        "name": node.name,
        "displayName": node.display_name,
        "kind": node.kind,
        "parentId": node.parent_id,
        "state": node.state,
        "startedDatetime": moment(node.started_at),
        "finishedDatetime": moment(node.finished_at),
        "attempts": node.attempts,
        "reason": node.reason,
        "cached": node.cached,
        "inputs": {
            "parameters": {name: value for name, value in node.inputs.items() if name not in files},
            "artifacts": {name: value for name, value in node.inputs.items() if name in files},
        },
        "outputs": dict(node.outputs),
        "artifacts": list(node.artifacts),
        "truncated": list(node.truncated),
        "notes": list(node.notes),
    }
