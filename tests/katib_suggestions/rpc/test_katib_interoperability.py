"""Katib's own message classes and callers, of its released Python client, against our servers.

They are in an environment of their own: kubeflow-katib wants another protobuf than we have.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, json_format

from adapters.easymaker.engines.local.environments import EnvironmentBuildError, Environments, EnvironmentSpec
from adapters.easymaker.settings import Settings
from katib_suggestions.rpc import api_pb2
from tests.conftest import PATIENCE
from tests.katib_suggestions.rpc.server_process import ServerProcess

KATIB = EnvironmentSpec(name="kubeflow-katib", requirements=("kubeflow-katib==0.19.0",))
SESSION = Path(__file__).with_name("katib_stubs_session.py")

Session = Callable[..., Any]


@pytest.fixture(scope="module")
def katib() -> Path:
    try:
        return Environments(Settings().cache_dir).ensure(KATIB)
    except EnvironmentBuildError as error:
        pytest.skip(f"kubeflow-katib cannot be installed here: {error}")


@pytest.fixture
def session(katib: Path, tmp_path: Path) -> Session:
    def run(what: str, address: str = "") -> Any:
        done = subprocess.run(
            [katib, SESSION, what, address, tmp_path],
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def plain(value: Any) -> Any:
    """Without names for JSON, which one compiler writes and another leaves out."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name != "jsonName"}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_the_interface_is_katibs_to_the_last_number(session: Session) -> None:
    ours = descriptor_pb2.FileDescriptorProto()
    api_pb2.DESCRIPTOR.CopyToProto(ours)
    assert plain(json_format.MessageToDict(ours)) == plain(session("descriptor"))


def test_an_experiment_runs_as_the_controller_runs_it(session: Session, tmp_path: Path) -> None:
    with ServerProcess("suggestion", tmp_path) as server:
        answers = session("suggestions", server.address)
    assert answers["valid"] == ["OK", ""]
    assert answers["unknown"][0] == "INVALID_ARGUMENT"
    assert "wrong" in answers["unknown"][1]
    assert answers["batches"] == [3, 3, 3, 3]
    assert len({tuple(sorted(point.items())) for point in answers["points"]}) == 12


def test_early_stopping_reads_from_a_db_manager_of_katibs_classes(session: Session, tmp_path: Path) -> None:
    with ServerProcess("early-stopping", tmp_path) as server:
        answers = session("early_stopping", server.address)
    assert answers["valid"] == ["OK", ""]
    # Averages of the first two: 0.2, 0.4, 0.9.
    assert answers["rules"] == [{"name": "accuracy", "value": "0.4", "less": True, "start_step": 2}]
    assert answers["status"][0] == "FAILED_PRECONDITION"
