"""Experiments in Kubeflow Pipelines: one each, found again by any adapter, and what every trouble means."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.easymaker.engines.cluster.pipelines_api import PipelinesApi
from adapters.easymaker.engines.cluster.pipelines_objects import PipelinesExperiments
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.record import Record
from tests.adapters.easymaker.engines.cluster import training_samples as samples
from tests.cluster.pipelines_backend import Refused
from tests.cluster.pipelines_double import PipelinesDouble, Trouble
from tests.ports import free_ports

RECORD = samples.experiment()


@pytest.fixture
def pipelines() -> Iterator[PipelinesDouble]:
    with PipelinesDouble() as server:
        yield server


@pytest.fixture
def api(pipelines: PipelinesDouble, tmp_path: Path) -> Iterator[PipelinesExperiments]:
    opened = PipelinesApi(pipelines.url, tmp_path / "token")
    yield PipelinesExperiments(opened)
    opened.close()


def test_it_is_made_once_and_goes(api: PipelinesExperiments, pipelines: PipelinesDouble) -> None:
    assert api.find(RECORD) is None
    api.ensure(RECORD)
    api.ensure(RECORD)
    assert [each["display_name"] for each in pipelines.backend.experiments.values()] == [
        f"iris ({samples.EXPERIMENT_ID})"
    ]
    found = api.find(RECORD)
    assert found in pipelines.backend.experiments
    api.remove(RECORD, found)
    api.remove(RECORD, found)
    api.remove(RECORD, None)
    assert pipelines.backend.experiments == {}


def test_two_experiments_of_one_name_are_two(api: PipelinesExperiments, pipelines: PipelinesDouble) -> None:
    other = replace(RECORD, id="b7b0c5d2-1111-4222-8333-944445555666")
    api.ensure(RECORD)
    api.ensure(other)
    assert api.find(RECORD) != api.find(other)


def test_it_is_found_under_an_earlier_name(api: PipelinesExperiments, pipelines: PipelinesDouble) -> None:
    api.ensure(RECORD)
    renamed = replace(RECORD, name="another name")
    api.remove(renamed, None)
    assert pipelines.backend.experiments == {}


def test_another_namespaces_experiment_is_not_ours(api: PipelinesExperiments) -> None:
    api.ensure(replace(RECORD, appkey="team-b"))
    assert api.find(RECORD) is None


def test_an_answer_that_was_lost_does_no_harm(api: PipelinesExperiments, pipelines: PipelinesDouble) -> None:
    pipelines.plan("CreateExperiment", trouble=Trouble.LOST)
    with pytest.raises(TemporaryEngineError, match="503"):
        api.ensure(RECORD)
    api.ensure(RECORD)
    assert len(pipelines.backend.experiments) == 1


def test_the_token_is_read_anew_when_it_was_replaced(
    api: PipelinesExperiments, pipelines: PipelinesDouble, tmp_path: Path
) -> None:
    pipelines.token = "second"
    (tmp_path / "token").write_text("first\n")
    with pytest.raises(TemporaryEngineError, match="does not allow it"):
        api.ensure(RECORD)
    (tmp_path / "token").write_text("second\n")
    api.ensure(RECORD)


def _calls() -> dict[str, Callable[[PipelinesExperiments, Record], object]]:
    return {
        "find": lambda api, record: api.find(record),
        "ensure": lambda api, record: api.ensure(record),
        "remove": lambda api, record: api.remove(record, "some-id"),
    }


OPERATIONS = {"find": "ListExperiments", "ensure": "CreateExperiment", "remove": "DeleteExperiment"}


@pytest.mark.parametrize("call", _calls())
@pytest.mark.parametrize("trouble", [each for each in Trouble if each is not Trouble.CONFLICT])
def test_what_may_pass_is_tried_again(
    api: PipelinesExperiments, pipelines: PipelinesDouble, call: str, trouble: Trouble
) -> None:
    pipelines.plan(OPERATIONS[call], trouble=trouble)
    pipelines.backend.experiments["some-id"] = {"experiment_id": "some-id"}
    pipelines.backend.namespaces["some-id"] = "another"
    with pytest.raises(TemporaryEngineError):
        _calls()[call](api, RECORD)


@pytest.mark.parametrize(
    ("code", "error"), [(3, PermanentEngineError), (7, TemporaryEngineError), (16, TemporaryEngineError)]
)
def test_what_a_refusal_means(
    api: PipelinesExperiments,
    pipelines: PipelinesDouble,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    error: type[Exception],
) -> None:
    def refuse(query: dict[str, str]) -> dict[str, str]:
        raise Refused(code, "made to fail")

    monkeypatch.setattr(pipelines.backend, "list_experiments", refuse)
    with pytest.raises(error, match="made to fail"):
        api.find(RECORD)


@pytest.mark.parametrize("call", _calls())
def test_a_server_that_is_away_is_tried_again(call: str, tmp_path: Path) -> None:
    away = PipelinesApi(f"http://127.0.0.1:{free_ports(1)[0]}", tmp_path / "token")
    with pytest.raises(TemporaryEngineError, match="cannot be reached"):
        _calls()[call](PipelinesExperiments(away), RECORD)
    away.close()
