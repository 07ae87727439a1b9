"""The main job on a cluster, end to end: the manifests, an adapter with no more rights than they give, and REST."""

from typing import Any

import pytest

from tests.cluster.controllers import ROUTES, Controllers
from tests.cluster.installation import ClusterInstallation
from tests.cluster.lives import Life
from tests.conftest import PATIENCE, Api, wait_for
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.namespaces import collections_of

pytestmark = pytest.mark.slow


def ours(server: ApiServerProcess, profile: str) -> list[str]:
    """Everything in the profile that the adapter has made."""
    selector = {"labelSelector": "app.kubernetes.io/managed-by=kubeflow-easymaker"}
    found: list[str] = []
    for path in collections_of(server, profile):
        items = server.request("GET", path, params=selector).json().get("items", [])
        found += [f"{path.rpartition('/')[2]}/{item['metadata']['name']}" for item in items]
    return sorted(found)


def training(api: Api, experiment: str, **changes: Any) -> str:
    body = api.training_body(experiment, **changes)
    return api.create("trainings", "training", body)["trainingId"]


def stage(api: Api, endpoint: str, model: str) -> str:
    """Another one, which is up."""
    body = {
        "endpointId": endpoint,
        "apigwStageName": "green",
        "flavorId": api.flavor("m2.c2m4"),
        "endpointModelResourceList": [{"modelId": model}],
    }
    made = api.create("endpoint-stages", "endpointStage", body)["endpointStageId"]
    api.wait("endpoint-stages", "endpointStage", made, {"ACTIVE"})
    return made


def test_a_whole_life(cluster: ClusterInstallation, controllers: Controllers, kubeflow: ApiServerProcess) -> None:
    """Experiment, training, model, endpoint, second stage, change of the default stage; then all of it is deleted."""
    cluster.start()
    api = cluster.api()
    experiment = api.experiment()
    done = training(api, experiment, dataStorageSize=300)
    api.wait("trainings", "training", done, {"RUNNING"})
    controllers.end(f"em-{done}")
    assert api.wait("trainings", "training", done)["trainingStatusCode"] == "COMPLETE"
    model = api.create("models", "model", {"modelName": "iris", "trainingId": done})["modelId"]
    api.wait("models", "model", model, {"ACTIVE"})
    endpoint = api.create(
        "endpoints",
        "endpoint",
        {
            "endpointName": "iris",
            "flavorId": api.flavor("m2.c2m4"),
            "endpointModelResourceList": [{"modelId": model, "apigwResourceUri": "/inference"}],
        },
    )["endpointId"]
    api.wait("endpoints", "endpoint", endpoint, {"ACTIVE"})
    green = stage(api, endpoint, model)
    api.ok("PUT", f"/endpoints/{endpoint}/default-stage", json={"endpointStageId": green})

    def one_stage() -> bool:
        stages = api.get("endpoints", "endpoint", endpoint)["endpointStageList"]
        return [stage["endpointStageId"] for stage in stages] == [green]

    wait_for(one_stage, 120, "the old default stage is gone")
    api.wait("endpoints", "endpoint", endpoint, {"ACTIVE"})
    for plural, made in (("endpoints", endpoint), ("models", model), ("trainings", done), ("experiments", experiment)):
        api.ok("DELETE", f"/{plural}/{made}")
        api.gone(plural, made)
    assert ours(kubeflow, cluster.profile) == []
    assert controllers.troubles == []


def test_a_gateway_that_takes_its_time_is_waited_for(
    cluster: ClusterInstallation, controllers: Controllers, kubeflow: ApiServerProcess
) -> None:
    """The endpoint's routes are its default stage's work: the stage is up as soon as the gateway has taken them."""
    cluster.start()
    api = cluster.api()
    life = Life(api, controllers)
    life.serve()
    endpoint, model = life.ids["endpoint"], life.ids["model"]
    green = stage(api, endpoint, model)
    selector = {"labelSelector": f"easymaker.kubeflow.org/resource-id={endpoint}"}
    path = f"{ROUTES[0]}/namespaces/{cluster.profile}/{ROUTES[1]}"
    (route,) = kubeflow.request("GET", path, params=selector).json()["items"]
    controllers.hold(route["metadata"]["name"])
    api.ok("PUT", f"/endpoints/{endpoint}/default-stage", json={"endpointStageId": green})

    def waits() -> bool:
        found = api.get("endpoint-stages", "endpointStage", green)
        return "has not looked at the latest change" in found["endpointStageStatusReason"]

    wait_for(waits, PATIENCE, "the stage waits for the gateway")
    controllers.let_go(route["metadata"]["name"])
    api.wait("endpoints", "endpoint", endpoint, {"ACTIVE"})
