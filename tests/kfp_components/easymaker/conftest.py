"""A place to run pipelines in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kfp_components.easymaker.local_runs import Workbench


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    bench = Workbench(tmp_path)
    bench.nas.mkdir(parents=True)
    yield bench
    bench.close()
