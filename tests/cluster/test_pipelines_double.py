"""The double of Kubeflow Pipelines is one to its own client, and refuses what the real one refuses."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kfp_server_api as kfp
import pytest
from kfp_server_api.exceptions import ApiException

from tests.cluster.pipelines_double import PipelinesDouble, Trouble
from tests.cluster.pipelines_models import require_model

NAMESPACE = "team-a"
SPEC = {"pipelineInfo": {"name": "two-steps"}}
Client = Any
# Its types say that every answer may be one of eight things.
untyped: Any = kfp


@pytest.fixture
def double() -> Iterator[PipelinesDouble]:
    with PipelinesDouble() as made:
        yield made


@pytest.fixture
def client(double: PipelinesDouble) -> Iterator[Client]:
    configuration = untyped.Configuration(host=double.url)
    configuration.retries = False
    with untyped.ApiClient(configuration) as opened:
        yield opened
        opened.rest_client.pool_manager.clear()


@pytest.fixture
def experiment(client: Client) -> str:
    api = service(client, "ExperimentServiceApi")
    body = untyped.V2beta1Experiment(display_name="iris", namespace=NAMESPACE)
    return api.experiment_service_create_experiment(body).experiment_id


def service(client: Client, name: str) -> Any:
    return getattr(untyped, name)(client)


def refused(status: int, call: Callable[..., Any], *given: Any, **more: Any) -> str:
    with pytest.raises(ApiException) as caught:
        call(*given, **more)
    assert caught.value.status == status
    return json.loads(str(caught.value.body)).get("message", "")


def new_run(experiment: str, name: str = "first") -> Any:
    config = untyped.V2beta1RuntimeConfig(parameters={"epochs": 5})
    return untyped.V2beta1Run(display_name=name, experiment_id=experiment, pipeline_spec=SPEC, runtime_config=config)


def test_runs_by_its_own_client(client: Client, experiment: str) -> None:
    api = service(client, "RunServiceApi")
    made = api.run_service_create_run(new_run(experiment))
    assert api.run_service_get_run(made.run_id).state == "RUNNING"
    api.run_service_terminate_run(made.run_id)
    assert "Row not found" in refused(400, api.run_service_terminate_run, made.run_id)
    assert api.run_service_get_run(made.run_id).state == "CANCELED"
    api.run_service_delete_run(made.run_id)
    refused(404, api.run_service_get_run, made.run_id)


def test_pipelines_by_its_own_client(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(json.dumps(SPEC))
    upload = service(client, "PipelineUploadServiceApi")
    given = {"name": "two-steps", "display_name": "two steps", "namespace": NAMESPACE}
    made = upload.upload_pipeline(str(file), **given)
    refused(409, upload.upload_pipeline, str(file), **given)
    api = service(client, "PipelineServiceApi")
    found = api.pipeline_service_get_pipeline_by_name("two-steps", namespace=NAMESPACE)
    assert found.pipeline_id == made.pipeline_id
    assert len(api.pipeline_service_list_pipeline_versions(made.pipeline_id).pipeline_versions) == 1
    assert "existing pipeline versions" in refused(400, api.pipeline_service_delete_pipeline, made.pipeline_id)
    api.pipeline_service_delete_pipeline(made.pipeline_id, cascade=True)


def test_recurring_runs_by_its_own_client(client: Client, experiment: str, double: PipelinesDouble) -> None:
    api = service(client, "RecurringRunServiceApi")
    schedule = untyped.V2beta1PeriodicSchedule(interval_second="60")
    body = untyped.V2beta1RecurringRun(
        display_name="nightly",
        experiment_id=experiment,
        pipeline_spec=SPEC,
        max_concurrency="1",
        mode="ENABLE",
        trigger=untyped.V2beta1Trigger(periodic_schedule=schedule),
    )
    made = api.recurring_run_service_create_recurring_run(body).recurring_run_id
    api.recurring_run_service_disable_recurring_run(made)
    (found,) = api.recurring_run_service_list_recurring_runs(namespace=NAMESPACE).recurring_runs
    assert found.status == "DISABLED"
    run_id = double.backend.tick(made)
    predicate = {"operation": "EQUALS", "key": "recurring_run_id", "string_value": made}
    runs = service(client, "RunServiceApi")
    listed = runs.run_service_list_runs(namespace=NAMESPACE, filter=json.dumps({"predicates": [predicate]}))
    assert [run.run_id for run in listed.runs] == [run_id]


def test_lists_come_in_pages_of_one_criterion(client: Client, experiment: str) -> None:
    api = service(client, "RunServiceApi")
    for number in range(5):
        api.run_service_create_run(new_run(experiment, f"run {number}"))
    names: list[str] = []
    token = last = ""
    while True:
        page = api.run_service_list_runs(namespace=NAMESPACE, page_size=2, page_token=token, sort_by="created_at desc")
        names += [run.display_name for run in page.runs]
        token = page.next_page_token or ""
        if not token:
            break
        last = token
    assert sorted(names) == [f"run {number}" for number in range(5)]
    call = api.run_service_list_runs
    assert "page token" in refused(400, call, namespace=NAMESPACE, page_token=last, sort_by="created_at asc")
    assert "namespace" in refused(400, call)
    unknown = json.dumps({"predicates": [{"operation": "EQUALS", "key": "nothing", "string_value": ""}]})
    assert "unrecognized field" in refused(400, call, namespace=NAMESPACE, filter=unknown)


def test_troubles_come_once_each_and_are_counted(client: Client, double: PipelinesDouble, experiment: str) -> None:
    api = service(client, "RunServiceApi")
    double.plan("CreateRun", trouble=Trouble.LOST)
    double.plan("CreateRun", trouble=Trouble.TOO_MANY)
    refused(503, api.run_service_create_run, new_run(experiment))
    refused(429, api.run_service_create_run, new_run(experiment))
    assert len(double.backend.runs) == 1
    assert double.unused() == {}
    assert double.happened == [("CreateRun", Trouble.LOST), ("CreateRun", Trouble.TOO_MANY)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "no such field"},
        {"state": "NONE_OF_THEM"},
        {"created_at": "2026-01-01T00:00:00"},
        {"run_details": {"task_details": [{"nothing": 1}]}},
        {"display_name": 1},
    ],
)
def test_what_is_no_model_is_told(wrong: dict[str, Any]) -> None:
    require_model("V2beta1Run", {"display_name": "first", "created_at": "2026-01-01T00:00:00Z"})
    with pytest.raises(AssertionError):
        require_model("V2beta1Run", wrong)
