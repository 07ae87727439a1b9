"""Pipeline runs through the REST API: typed parameters, the graph, logs, artifacts, stop, failure, copy, delete."""

import io
import json
import stat
import tarfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.adapters.easymaker.api.pipeline_runs_at_hand import ENDS, PATIENCE, RUN, RUNS, Pipelines
from tests.conftest import wait_for


@pytest.fixture(scope="module")
def trained_run(pipelines: Pipelines) -> dict[str, Any]:
    return pipelines.completed("train", {"text": "ab", "times": 3})


def processes_of(run: str) -> list[int]:
    """Those that know the run's id, by their command or by their environment."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            texts = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.status() != psutil.STATUS_ZOMBIE and any(run in text for text in texts):
            found.append(process.pid)
    return found


def test_a_run_completes_with_its_values_and_its_times(pipelines: Pipelines, trained_run: dict[str, Any]) -> None:
    assert trained_run["parameterList"] == [
        {"parameterName": "text", "parameterValue": "ab"},
        {"parameterName": "times", "parameterValue": "3"},
    ]
    assert trained_run["startedDatetime"] <= trained_run["finishedDatetime"]
    assert trained_run["artifactsExpired"] is False


def test_the_graph_of_a_run_tells_states_values_and_artifacts(
    pipelines: Pipelines, trained_run: dict[str, Any]
) -> None:
    run = trained_run["pipelineRunId"]
    graph = pipelines.api.ok("GET", f"/{RUNS}/{run}/graph")["graph"]
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert graph["edges"] == [{"from": "fit", "to": "use"}]
    assert {name: node["state"] for name, node in nodes.items()} == {"fit": "SUCCEEDED", "use": "SUCCEEDED"}
    fit, use = nodes["fit"], nodes["use"]
    assert fit["startedDatetime"] < fit["finishedDatetime"] <= use["finishedDatetime"]
    assert fit["inputs"] == {"parameters": {"text": "ab", "times": 3}, "artifacts": {}}
    assert fit["outputs"] == {"Output": "ab"}
    model, parts = fit["artifacts"]
    assert (model["name"], model["type"], model["size"], model["metadata"]) == (
        "model",
        "system.Model",
        6,
        {"times": 3.0},
    )
    assert parts["name"] == "parts"
    assert use["inputs"]["artifacts"] == {"model": [model["uri"]]}
    assert use["outputs"] == {"Output": 6}
    one = pipelines.api.ok("GET", f"/{RUNS}/{run}/graph?nodeId=use")["graph"]
    assert [node["id"] for node in one["nodes"]] == ["use"]
    assert "no node" in pipelines.api.refused("GET", f"/{RUNS}/{run}/graph?nodeId=nothing", 404)


def test_every_step_has_its_log(pipelines: Pipelines, trained_run: dict[str, Any]) -> None:
    run = trained_run["pipelineRunId"]
    content = pipelines.api.call("GET", f"/{RUNS}/{run}/logs?nodeId=fit").text
    assert f"fitted ab {run}" in content
    assert "no node" in pipelines.api.refused("GET", f"/{RUNS}/{run}/logs?nodeId=nothing", 404)
    assert "SUCCEEDED" in pipelines.api.call("GET", f"/{RUNS}/{run}/logs").text


def test_artifacts_are_downloaded_as_file_and_as_archive(pipelines: Pipelines, trained_run: dict[str, Any]) -> None:
    path = f"/{RUNS}/{trained_run['pipelineRunId']}/artifacts"
    file = pipelines.api.call("GET", f"{path}?nodeId=fit&artifactName=model")
    assert (file.status_code, file.content) == (200, b"ababab")
    folder = pipelines.api.call("GET", f"{path}?nodeId=fit&artifactName=parts")
    with tarfile.open(fileobj=io.BytesIO(folder.content)) as archive:
        # The link that the step has left is not followed and not handed out.
        assert [member.name for member in archive] == ["parts", "parts/inner", "parts/inner/part"]
        part = archive.extractfile("parts/inner/part")
        assert part is not None
        assert part.read() == b"part of ab"
    assert "it has model, parts" in pipelines.api.refused("GET", f"{path}?nodeId=fit&artifactName=x", 404)
    assert "no node" in pipelines.api.refused("GET", f"{path}?nodeId=x&artifactName=model", 404)


def test_values_of_a_wrong_type_are_refused_all_at_once(pipelines: Pipelines) -> None:
    values = {"times": "many", "rate": "fast", "flags": "[1]", "wanted": "perhaps", "colour": "red"}
    told = pipelines.api.refused("POST", f"/{RUNS}", 400, json=pipelines.body("train", values))
    for name in ("text", "times", "rate", "flags", "wanted", "colour"):
        assert name in told


@pytest.mark.parametrize(
    "value",
    ["yes' or __import__('os').system('touch {notes}/evaluated') or '", "$(touch {notes}/evaluated)"],
)
def test_a_value_is_never_run(pipelines: Pipelines, value: str) -> None:
    hostile = value.format(notes=pipelines.notes)
    before = len(pipelines.noted("branches"))
    pipelines.completed("branches", {"text": hostile})
    assert pipelines.noted("branches")[before:] == [hostile]
    assert not (pipelines.notes / "evaluated").exists()


def test_the_graph_follows_a_run_that_goes_on(pipelines: Pipelines) -> None:
    run = pipelines.waits_in_the_middle("live")
    wait_for(
        lambda: pipelines.states(run) == {"note": "SUCCEEDED", "wait-for": "RUNNING", "note-2": "PENDING"},
        PATIENCE,
        "the graph shows the second step",
    )
    assert pipelines.api.refused("GET", f"/{RUNS}/{run}/artifacts?nodeId=note&artifactName=x", 404)
    pipelines.go("live")
    assert pipelines.end(run)["pipelineRunStatusCode"] == "COMPLETE"
    assert pipelines.noted("live") == ["first", "began", "last"]


def test_a_stop_ends_every_process(pipelines: Pipelines) -> None:
    run = pipelines.waits_in_the_middle("stopped")
    assert processes_of(run)
    pipelines.api.ok("PUT", f"/{RUNS}/{run}/stop")
    assert pipelines.end(run)["pipelineRunStatusCode"] == "STOPPED"
    wait_for(lambda: processes_of(run) == [], PATIENCE, "no process is left")
    assert pipelines.states(run) == {"note": "SUCCEEDED", "wait-for": "CANCELED", "note-2": "CANCELED"}
    assert pipelines.noted("stopped") == ["first", "began"]


def test_a_failed_step_gives_its_name_and_its_log(pipelines: Pipelines) -> None:
    failed = pipelines.run("fails")
    assert failed["pipelineRunStatusCode"] == "FAIL_PIPELINE_RUN"
    assert "fail: ended with exit code 3" in failed["pipelineRunStatusReason"]
    run = failed["pipelineRunId"]
    assert pipelines.states(run) == {"fail": "FAILED", "note": "SKIPPED"}
    assert "these are the last words" in pipelines.api.call("GET", f"/{RUNS}/{run}/logs?nodeId=fail").text


def test_a_copy_runs_with_the_same_settings(pipelines: Pipelines, trained_run: dict[str, Any]) -> None:
    answer = pipelines.api.ok("POST", f"/{RUNS}/{trained_run['pipelineRunId']}/copy", json={})[RUN]
    copied = pipelines.end(answer["pipelineRunId"])
    assert copied["pipelineRunStatusCode"] == "COMPLETE", copied["pipelineRunStatusReason"]
    assert copied["pipelineRunId"] != trained_run["pipelineRunId"]
    assert copied["parameterList"] == trained_run["parameterList"]


def test_what_a_step_makes_is_shown_at_its_run(pipelines: Pipelines) -> None:
    """The step calls this API with the token of its run, which is worth nothing any more once the run has ended."""
    folder = pipelines.installation.nas("lineage")
    (folder / "any.joblib").touch()
    run = pipelines.completed("makes", {"name": "made in a run", "uri": "nas://lineage:/"})["pipelineRunId"]
    made = pipelines.api.ok("GET", f"/{RUNS}/{run}/resources")["resourceList"]
    assert [(each["resourceType"], each["resourceName"]) for each in made] == [("model", "made in a run")]
    assert [each["parentPipelineRunTaskName"] for each in made] == ["make-model"]
    tokens = pipelines.installation.home / "secrets" / "pipeline-runs"
    wait_for(lambda: not (tokens / run).exists(), PATIENCE, "the token is taken back")


def test_a_step_sees_nothing_of_the_installation(pipelines: Pipelines) -> None:
    home = pipelines.installation.home
    hidden = [home / "secrets", home / "processes", home / "postgres", pipelines.installation.nas("x", "other")]
    run = pipelines.completed("looks", {"place": ":".join(map(str, hidden))})["pipelineRunId"]
    told = pipelines.nodes(run)["look-around"]["outputs"]["Output"].splitlines()
    assert told == [f"{path} FileNotFoundError" for path in hidden]


def test_what_holds_the_token_is_for_the_adapters_user_alone(pipelines: Pipelines, trained_run: dict[str, Any]) -> None:
    home, run = pipelines.installation.home, trained_run["pipelineRunId"]
    assert stat.S_IMODE((home / "pipelines" / run).stat().st_mode) == 0o700
    token = json.loads((home / "pipelines" / run / "run.json").read_text())["environment"]["EM_TOKEN"]
    held = [path for path in home.rglob("*") if path.is_file() and "postgres" not in path.parts and holds(path, token)]
    assert held == [home / "pipelines" / run / "run.json"]
    assert stat.S_IMODE(held[0].stat().st_mode) == 0o600


def holds(path: Path, text: str) -> bool:
    try:
        return text.encode() in path.read_bytes()
    except OSError:
        return False


def test_a_deleted_run_leaves_nothing(pipelines: Pipelines) -> None:
    run = pipelines.waits_in_the_middle("deleted")
    assert "is RUNNING: stop it first" in pipelines.api.refused("DELETE", f"/{RUNS}/{run}", 409)
    pipelines.api.ok("PUT", f"/{RUNS}/{run}/stop")
    pipelines.end(run)
    pipelines.delete(RUNS, run)
    wait_for(lambda: processes_of(run) == [], PATIENCE, "no process is left")
    home = pipelines.installation.home
    left = [path for part in ("pipelines", "processes", "secrets", "jobs") for path in (home / part).rglob(f"*{run}*")]
    assert left == []


def test_a_nas_folder_that_is_not_there_is_named(pipelines: Pipelines) -> None:
    mounts = [{"mountDirName": "data", "nasUri": "nas://nobody:/has/this"}]
    failed = pipelines.run("notes", {"name": "x"}, nasList=mounts)
    assert failed["pipelineRunStatusCode"] == "CREATE_FAILED"
    assert "there is no folder nas://nobody:/has/this" in failed["pipelineRunStatusReason"]
    assert "CREATE_FAILED" in ENDS
