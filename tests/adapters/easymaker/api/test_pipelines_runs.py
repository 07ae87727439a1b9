"""Pipeline runs through the REST API: typed parameters, the graph, logs, artifacts, stop, failure, delete."""

from typing import Any

import pytest

from tests.adapters.easymaker.api.pipeline_runs_at_hand import Pipelines


@pytest.fixture(scope="module")
def trained_run(pipelines: Pipelines) -> dict[str, Any]:
    return pipelines.completed("train", {"text": "ab", "times": "3"})


def test_a_run_completes_with_times_and_its_values(pipelines: Pipelines, trained_run: dict[str, Any]) -> None:
    assert trained_run["parameterList"] == [
        {"parameterName": "text", "parameterValue": "ab"},
        {"parameterName": "times", "parameterValue": "3"},
    ]
    assert trained_run["startedDatetime"] <= trained_run["finishedDatetime"]
    nodes = pipelines.nodes(trained_run["pipelineRunId"])
    assert {name: node["state"] for name, node in nodes.items()} == {"fit": "SUCCEEDED", "use": "SUCCEEDED"}
