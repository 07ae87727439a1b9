"""The pipelines, compiled once by the real compiler, and a folder for each run."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.easymaker.engines.local.pipeline_run.run_world import RunWorld


@pytest.fixture(scope="session")
def compiled_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipelines")
    script = Path(__file__).with_name("run_pipelines.py")
    subprocess.run([sys.executable, str(script), str(folder)], check=True)
    return folder


@pytest.fixture
def runs(tmp_path: Path, compiled_runs: Path) -> Iterator[RunWorld]:
    world = RunWorld(tmp_path, compiled_runs)
    yield world
    world.close()
