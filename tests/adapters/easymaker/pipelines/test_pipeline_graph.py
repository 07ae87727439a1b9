"""The graph that the console draws: nothing missing, ids that stay, parents before children."""

import json
from collections.abc import Callable
from typing import Any

from adapters.easymaker.pipelines.graph import graph
from adapters.easymaker.pipelines.specification import Specification

Named = Callable[[str], Specification]


def drawn(specification: Specification) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    found = graph(specification)
    json.dumps(found)
    nodes = {node["id"]: node for node in found["nodes"]}
    assert len(nodes) == len(found["nodes"]), "ids are unique"
    for place, node in enumerate(found["nodes"]):
        assert node["parentId"] is None or node["parentId"] in [each["id"] for each in found["nodes"][:place]]
    edges = [(edge["from"], edge["to"]) for edge in found["edges"]]
    for start, end in edges:
        assert nodes[start]["parentId"] == nodes[end]["parentId"], "edges stay inside a sub-pipeline"
    return nodes, edges


def kinds(nodes: dict[str, Any]) -> dict[str, str]:
    return {name: node["kind"] for name, node in nodes.items()}


def test_steps_and_their_order(specification_named: Named) -> None:
    nodes, edges = drawn(specification_named("linear"))
    assert kinds(nodes) == {"note": "TASK", "note-2": "TASK"}
    assert edges == [("note", "note-2")]
    second = nodes["note-2"]
    assert (second["displayName"], second["componentName"], second["maxRetryCount"]) == ("The second", "comp-note-2", 3)
    assert second["image"] == "python:3.11"
    assert second["inputs"] == [
        {"name": "more", "type": "STRING", "kind": "PARAMETER"},
        {"name": "text", "type": "STRING", "kind": "PARAMETER"},
    ]
    assert second["outputs"] == [{"name": "Output", "type": "STRING", "kind": "PARAMETER"}]


def test_branches(specification_named: Named) -> None:
    nodes, edges = drawn(specification_named("branches"))
    around = "condition-branches-1"
    assert kinds(nodes) == {
        around: "DAG",
        f"{around}/condition-2": "CONDITION",
        f"{around}/condition-2/note": "TASK",
        f"{around}/condition-3": "CONDITION",
        f"{around}/condition-3/note-2": "TASK",
        f"{around}/condition-4": "CONDITION",
        f"{around}/condition-4/note-3": "TASK",
        "flip": "TASK",
        "several": "TASK",
    }
    assert edges == [("flip", around), ("several", around)]
    assert "pipelinechannel--flip-Output" in nodes[f"{around}/condition-2"]["condition"]
    assert nodes[f"{around}/condition-2"]["displayName"] == "same"


def test_loops(specification_named: Named) -> None:
    nodes, edges = drawn(specification_named("loops"))
    loops = {name: node["loop"] for name, node in nodes.items() if node["kind"] == "LOOP"}
    assert len(loops) == 5
    assert json.loads(loops["for-loop-2"]["items"])[0] == {"a": "1", "b": "2"}
    assert loops["for-loop-2"]["maxConcurrency"] == 1
    assert loops["for-loop-4"]["itemsInput"] == "pipelinechannel--names"
    assert kinds(nodes)["for-loop-2/condition-3"] == "CONDITION"
    assert ("for-loop-2", "note-all") in edges


def test_exit_handlers(specification_named: Named) -> None:
    nodes, edges = drawn(specification_named("exit-handler"))
    assert nodes["exit-handler-1"]["kind"] == "EXIT_HANDLER"
    assert nodes["exit-handler-1"]["displayName"] == "always"
    assert {name for name, node in nodes.items() if node["isExitTask"]} == {"note-status"}
    assert {name for name, node in nodes.items() if node["runsAfterFailure"]} == {"note-status", "note-all"}
    assert ("exit-handler-1", "note-status") in edges


def test_nested_pipelines_and_importers(specification_named: Named) -> None:
    nodes, edges = drawn(specification_named("nested"))
    assert kinds(nodes)["inner"] == "DAG"
    assert kinds(nodes)["inner-2"] == "DAG"
    assert {"inner/note", "inner-2/note"} <= set(nodes), "each use of a pipeline has nodes of its own"
    assert ("inner", "condition-1") in edges
    imported, _ = drawn(specification_named("imported"))
    assert sorted(kinds(imported).values()) == ["IMPORTER"] * 3 + ["TASK"] * 3
