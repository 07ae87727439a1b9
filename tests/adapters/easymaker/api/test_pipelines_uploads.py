"""Pipelines through the REST API: what is taken, what is refused and why, their graph, and when they may go."""

import textwrap
from typing import Any

import pytest

from tests.adapters.easymaker.api.pipeline_runs_at_hand import RUNS, SCHEDULES, Pipelines, encoded

ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: old}\nspec: {}\n"
ALIASED = "schemaVersion: &v 2.1.0\nsdkVersion: *v\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ARGO, "this is an Argo Workflow"),
        (ALIASED, "alias"),
        ("[1, 2", "not valid YAML: line 2"),
        ("a: " + "[" * 200 + "]" * 200, "nested"),
    ],
)
def test_a_file_that_is_no_pipeline_is_refused_with_the_reason(pipelines: Pipelines, text: str, told: str) -> None:
    body = {"pipelineName": "wrong", "base64PipelineSpecManifest": encoded(text)}
    assert told in pipelines.api.refused("POST", "/pipelines/upload", 400, json=body)


def test_what_is_not_base64_or_too_large_is_refused(pipelines: Pipelines) -> None:
    body = {"pipelineName": "wrong", "base64PipelineSpecManifest": "schemaVersion: 2.1.0"}
    assert "is not base64" in pipelines.api.refused("POST", "/pipelines/upload", 400, json=body)
    body["base64PipelineSpecManifest"] = encoded("# " + "x" * 1024 * 1024)
    assert pipelines.api.refused("POST", "/pipelines/upload", 400, json=body)


def test_what_only_kfp_knows_to_be_wrong_fails_the_creation(pipelines: Pipelines) -> None:
    source = (pipelines.compiled / "train.yaml").read_text()
    wrong = source.replace("image: python:3.11", "image: python:3.11\n        resources: {cpuLimit: plenty}")
    made = pipelines.upload(wrong)
    failed = pipelines.api.wait("pipelines", "pipeline", made, {"ACTIVE", "CREATE_FAILED"})
    assert failed["pipelineStatusCode"] == "CREATE_FAILED"
    assert "cpuLimit field: Couldn't parse float: plenty" in failed["pipelineStatusReason"]
    pipelines.api.ok("PUT", f"/pipelines/{made}/retry")
    pipelines.api.wait("pipelines", "pipeline", made, {"CREATE_FAILED"})
    pipelines.delete("pipelines", made)


def test_a_construct_that_is_not_run_here_is_named_with_its_task(pipelines: Pipelines) -> None:
    text = textwrap.dedent(
        """
        components:
          comp-shell: {executorLabel: exec-shell}
        deploymentSpec:
          executors:
            exec-shell: {container: {image: alpine, command: [echo, hello]}}
        pipelineInfo: {name: shell}
        root:
          dag:
            tasks:
              shell: {componentRef: {name: comp-shell}, taskInfo: {name: shell}}
        schemaVersion: 2.1.0
        sdkVersion: kfp-2.17.0
        """
    )
    made = pipelines.upload(text)
    failed = pipelines.api.wait("pipelines", "pipeline", made, {"ACTIVE", "CREATE_FAILED"})
    assert failed["pipelineStatusCode"] == "CREATE_FAILED"
    assert "task shell: a container component (image alpine) is not run locally" in failed["pipelineStatusReason"]
    assert "CREATE_FAILED" in pipelines.api.refused("POST", f"/{RUNS}", 400, json=pipelines.body(made))
    pipelines.delete("pipelines", made)


def test_parameters_graph_and_document_are_told(pipelines: Pipelines) -> None:
    made = pipelines.pipeline("train")
    shown = pipelines.api.get("pipelines", "pipeline", made)
    told = [
        (each["parameterName"], each["parameterType"], each["isOptional"], each["defaultValue"])
        for each in shown["pipelineParameterSpecList"]
    ]
    assert sorted(told) == [
        ("flags", "STRUCT", True, '{"a": 1.0}'),
        ("rate", "NUMBER_DOUBLE", True, "0.5"),
        ("text", "STRING", False, None),
        ("times", "NUMBER_INTEGER", True, "2"),
        ("wanted", "BOOLEAN", True, "true"),
    ]
    graph = pipelines.api.ok("GET", f"/pipelines/{made}/graph")["graph"]
    assert [node["id"] for node in graph["nodes"]] == ["fit", "use"]
    assert graph["edges"] == [{"from": "fit", "to": "use"}]
    manifest: dict[str, Any] = pipelines.api.ok("GET", f"/pipelines/{made}/manifest")["manifest"]
    assert manifest["pipelineSpec"]["pipelineInfo"]["name"] == "train"


def test_a_pipeline_with_a_schedule_stays_and_one_with_runs_may_go(pipelines: Pipelines) -> None:
    made = pipelines.upload((pipelines.compiled / "waits.yaml").read_bytes())
    pipelines.api.wait("pipelines", "pipeline", made, {"ACTIVE"})
    schedule = pipelines.schedule(made, {"name": "kept"}, scheduleCronExpression="@yearly")
    assert "is used by" in pipelines.api.refused("DELETE", f"/pipelines/{made}", 409)
    pipelines.delete(SCHEDULES, schedule)
    run = pipelines.start(made, {"name": "outlives"})
    pipelines.api.wait(RUNS, "pipelineRun", run, {"RUNNING"})
    pipelines.delete("pipelines", made)
    # The run goes on, and still knows what its pipeline was.
    assert set(pipelines.states(run)) == {"note", "wait-for", "note-2"}
    pipelines.go("outlives")
    ended = pipelines.end(run)
    assert (ended["pipelineRunStatusCode"], ended["pipeline"]["pipelineStatusCode"]) == ("COMPLETE", "DELETED")
    assert list((pipelines.installation.home / "pipeline-checks").glob(made)) == []
