"""One command for an example: run it on this machine, or compile it for a cluster."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp import compiler, local

from kfp_components.easymaker.easymaker_api.settings import ApiSettings
from kfp_components.easymaker.easymaker_api.storage_access import storage_options
from kfp_components.easymaker.examples.flowers import json_lines
from kfp_components.easymaker.examples.local_image import NoEnvironment, interpreter
from kfp_components.easymaker.images import EXAMPLE_REQUIREMENTS
from kserve_runtimes.storage import transfer

PROGRAMS = Path(__file__).with_name("programs")
NEEDS_API = """This example needs EasyMaker. Start it, and tell this shell where it is:
    kubeflow-easymaker up
    eval "$(kubeflow-easymaker env)"
"""
PYTHON = "EASYMAKER_TRAINING_PYTHON"


@dataclass(frozen=True)
class Example:
    """``arguments`` gives the pipeline's inputs from where the samples lie and whether there is an EasyMaker API."""

    pipeline: Any
    arguments: Callable[[str, bool], Mapping[str, Any]]
    needs_api: bool = False


def main(example: Example, given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=example.pipeline.description)
    parser.add_argument("--compile", metavar="FILE", help="write the compiled pipeline there instead of running it")
    parser.add_argument("--work-dir", metavar="DIRECTORY", default="easymaker-example", help="for artifacts")
    parser.add_argument("--storage", metavar="URI", help="place for sample files and models, obs:// or nas://")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="an input of the pipeline")
    options = parser.parse_args(given)
    if options.compile:
        compiler.Compiler().compile(example.pipeline, options.compile)
        return 0
    has_api = ApiSettings.found_in() is not None
    if example.needs_api and not has_api:
        print(NEEDS_API, file=sys.stderr)  # noqa: T201 - a command's output
        return 2
    work = Path(options.work_dir).absolute()
    try:
        storage = prepare(work, options.storage)
    except NoEnvironment as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    arguments = {**example.arguments(storage, has_api), **_settings(options.set)}
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(work / "pipelines"))
    run = example.pipeline(**arguments)
    for name, value in run.outputs.items():
        print(f"{name}: {value}")  # noqa: T201
    return 0


def prepare(work: Path, storage: str | None) -> str:
    """Sample programs and data in storage, a Python for them; where they lie."""
    if not os.environ.get(PYTHON):
        os.environ[PYTHON] = str(interpreter(EXAMPLE_REQUIREMENTS))
    if storage is None and os.environ.get("EASYMAKER_OBS_URI"):
        storage = f"{os.environ['EASYMAKER_OBS_URI'].rstrip('/')}/easymaker-examples"
    if storage is None:
        # As a NAS: a directory of this machine.
        os.environ.setdefault("EASYMAKER_NAS_ROOT", str(work / "nas"))
        (Path(os.environ["EASYMAKER_NAS_ROOT"]) / "examples").mkdir(parents=True, exist_ok=True)
        storage = "nas://examples:/"
    storage = storage.rstrip("/")
    with storage_options() as access:
        transfer.upload(PROGRAMS, f"{storage}/source", access)
        data = work / "flowers.jsonl"
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_text(json_lines(), encoding="utf-8")
        transfer.upload(data, f"{storage}/data", access)
    return storage


def _settings(given: Sequence[str]) -> dict[str, Any]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise SystemExit(f"--set {text}: NAME=VALUE is needed")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
