"""The sample pipelines, compiled once by the real compiler: importing kfp alone takes two seconds."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.easymaker.pipelines.documents import Pipeline, load
from adapters.easymaker.pipelines.reading import read
from adapters.easymaker.pipelines.specification import Specification


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The IR YAML of each sample pipeline by its name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from kfp.compiler import Compiler

        from tests.adapters.easymaker.pipelines.sample_pipelines import ALL

        folder = tmp_path_factory.mktemp("compiled")
        compiler: Any = Compiler()
        for name, pipeline in ALL.items():
            compiler.compile(pipeline, str(folder / f"{name}.yaml"))
    return {name: Path(folder / f"{name}.yaml").read_text("utf-8") for name in ALL}


@pytest.fixture(scope="session")
def pipeline_named(compiled: dict[str, str]) -> Callable[[str], Pipeline]:
    return lambda name: load(compiled[name])


@pytest.fixture(scope="session")
def specification_named(compiled: dict[str, str]) -> Callable[[str], Specification]:
    return lambda name: read(load(compiled[name]))
