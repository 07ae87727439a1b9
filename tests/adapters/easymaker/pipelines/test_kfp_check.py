"""kfp's own schema and loader have the last word on an upload, in a program of their own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.pipelines.kfp_check import check
from tests.conftest import PATIENCE

ROOT = Path(__file__).parents[4]

Named = Callable[[str], Pipeline]


def run(text: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-P", "-m", "adapters.easymaker.pipelines.kfp_check"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    return done.returncode, json.loads(done.stdout)


def test_what_kfp_compiles_kfp_accepts(compiled: dict[str, str], pipeline_named: Named) -> None:
    assert {name: problems for name in compiled if (problems := check(pipeline_named(name)))} == {}


def test_as_a_program(compiled: dict[str, str]) -> None:
    assert run(compiled["platform"]) == (0, [])
    assert run("apiVersion: argoproj.io/v1alpha1\nkind: Workflow")[0] == 1
    code, [problem] = run(compiled["linear"].replace("componentRef:", "componentReference:"))
    assert code == 1
    assert "componentReference" in problem


@pytest.mark.parametrize("document", ["spec", "platforms"])
def test_an_unknown_field_is_told_wherever_it_is(pipeline_named: Named, document: str) -> None:
    pipeline = pipeline_named("platform")
    spec, platforms = dict(pipeline.spec), dict(pipeline.platforms or {})
    (spec if document == "spec" else platforms)["another"] = 1
    [problem] = check(Pipeline(spec, platforms, pipeline.name, pipeline.sdk_version))
    assert "another" in problem


def test_an_executor_is_checked_although_the_schema_holds_anything_there(pipeline_named: Named) -> None:
    pipeline = pipeline_named("linear")
    spec = {**pipeline.spec, "deploymentSpec": {"executors": {"exec-note": {"container": {"image": 5}}}}}
    [problem] = check(Pipeline(spec, None, pipeline.name, ""))
    assert problem.startswith("deploymentSpec: ")
