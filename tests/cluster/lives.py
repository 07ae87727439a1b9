"""A life of each kind of resource on a cluster, side by side, as one user leads it over REST: used whole by tests."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.cluster.controllers import MANAGED, Controllers
from tests.conftest import PATIENCE, Api, wait_for
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.namespaces import collections_of

SECRET = {"parameterName": "hf_token", "parameterValue": "nobody may read this"}
# Each object's type and whose it is, while everything is there. Pods are the controllers'.
WHOLE = Counter(
    {
        "tensorboards of experiment": 1,
        "persistentvolumeclaims of experiment": 1,
        "experiments of tuned": 1,
        "trials of tuned": 2,
        "trainjobs of tuned": 2,
        "configmaps of tuned": 1,
        "experiments of left": 1,
        "trials of left": 1,
        "trainjobs of left": 1,
        "configmaps of left": 1,
        "experiments of refused": 1,
        "suggestions of refused": 1,
        "configmaps of refused": 1,
        "trainjobs of done": 1,
        "configmaps of done": 1,
        "trainjobs of stopped": 1,
        "configmaps of stopped": 1,
        "configmaps of model": 1,
        "secrets of model": 1,
        "inferenceservices of stage resource": 1,
        "httproutes of stage": 1,
        "httproutes of endpoint": 1,
    }
)


class PatientApi(Api):
    """Asks again where it is told to (503), as a user does; of such an answer nothing has been done."""

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = super().call(method, path, **options)
            if answer.status_code != 503 or time.monotonic() > deadline:
                return answer
            time.sleep(0.1)


def together(*steps: Callable[[], None]) -> None:
    with ThreadPoolExecutor(len(steps)) as pool:
        for future in [pool.submit(step) for step in steps]:
            future.result()


@dataclass
class Life:
    """``begin`` and ``end`` each return when everything has come to rest; ``ids`` are by what they stand for."""

    api: Api
    controllers: Controllers
    ids: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """Up to ended trainings and tunings, and an endpoint that serves a model with a secret."""
        together(self._trainings, self.serve)

    def end(self) -> None:
        """Deletes everything; a training and a model go before what they belong to."""
        together(
            lambda: self._delete("endpoints", "endpoint"),
            lambda: self._delete("trainings", "done"),
            lambda: self._delete("trainings", "stopped"),
            lambda: self._delete("hyperparameter-tunings", "tuned"),
            lambda: self._delete("hyperparameter-tunings", "left"),
            lambda: self._delete("hyperparameter-tunings", "refused"),
        )
        together(lambda: self._delete("models", "model"), lambda: self._delete("experiments", "experiment"))

    def _trainings(self) -> None:
        self.ids["experiment"] = self.api.experiment()
        together(self._done, self._stopped, self._tuned, self._left, self._refused)

    def _training(self, what: str, **changes: Any) -> str:
        body = self.api.training_body(self.ids["experiment"], trainingName=what, **changes)
        made = self.ids[what] = self.api.create("trainings", "training", body)["trainingId"]
        self.api.wait("trainings", "training", made, {"RUNNING"})
        return made

    def _done(self) -> None:
        made = self._training("done", dataStorageSize=300)
        self.api.ok("GET", f"/trainings/{made}/logs")
        self.controllers.end(f"em-{made}")
        assert self.api.wait("trainings", "training", made)["trainingStatusCode"] == "COMPLETE"

    def _stopped(self) -> None:
        made = self._training("stopped")
        self.api.ok("PUT", f"/trainings/{made}/stop")
        assert self.api.wait("trainings", "training", made)["trainingStatusCode"] == "STOPPED"

    def _tuning(self, what: str, status: str, **changes: Any) -> str:
        body = self.api.tuning_body(self.ids["experiment"], hyperparameterTuningName=what, maxTrialCount=2, **changes)
        made = self.api.create("hyperparameter-tunings", "hyperparameterTuning", body)["hyperparameterTuningId"]
        self.ids[what] = made
        self._tuning_is(made, status)
        return made

    def _tuning_is(self, made: str, status: str) -> dict[str, Any]:
        found = self.api.wait("hyperparameter-tunings", "hyperparameterTuning", made, {status})
        assert found["hyperparameterTuningStatusCode"] == status
        return found

    def _tuned(self) -> None:
        made = self._tuning("tuned", "RUNNING")
        self.controllers.end(f"em-{made}")
        done = self._tuning_is(made, "COMPLETE")
        assert done["optimalTrial"]["targetMetricValue"] == "0.5"
        trials = self.api.ok("GET", f"/hyperparameter-tunings/{made}/trials")["trialList"]
        assert len(trials) == done["successfulTrialCount"] == 2
        self.api.ok("GET", f"/hyperparameter-tunings/{made}/logs", params={"trialId": trials[0]["trialId"]})

    def _left(self) -> None:
        made = self._tuning("left", "RUNNING")
        wait_for(lambda: self._trials(made) == ["RUNNING"], PATIENCE, "its training runs")
        self.api.ok("PUT", f"/hyperparameter-tunings/{made}/stop")
        self._tuning_is(made, "STOPPED")
        assert self._trials(made) == ["KILLED"]

    def _trials(self, made: str) -> list[str]:
        found = self.api.ok("GET", f"/hyperparameter-tunings/{made}/trials")["trialList"]
        return [trial["trialStatusCode"] for trial in found]

    def _refused(self) -> None:
        """Before its first trial, by the suggestion service, which alone knows why."""
        self.controllers.katib.refused["refused"] = "no such setting"
        made = self._tuning("refused", "FAIL_HYPERPARAMETER_TUNING")
        found = self.api.get("hyperparameter-tunings", "hyperparameterTuning", made)
        assert "no such setting" in found["hyperparameterTuningStatusReason"]

    def serve(self) -> None:
        """An endpoint that serves a model with a secret."""
        body = {"modelName": "iris", "modelFormatCode": "SKLEARN", "modelUploadUri": "nas://models:/iris"}
        model = self.api.create("models", "model", body | {"parameterList": [SECRET]})["modelId"]
        self.ids["model"] = model
        self.api.wait("models", "model", model, {"ACTIVE"})
        resources = [{"modelId": model, "apigwResourceUri": "/inference"}]
        made = self.api.create(
            "endpoints",
            "endpoint",
            {
                "endpointName": f"iris {model[:8]}",
                "flavorId": self.api.flavor("m2.c2m4"),
                "endpointModelResourceList": resources,
            },
        )
        self.ids["endpoint"] = made["endpointId"]
        up = self.api.wait("endpoints", "endpoint", made["endpointId"], {"ACTIVE"})
        (stage,) = up["endpointStageList"]
        self.ids["stage"] = stage["endpointStageId"]
        (resource,) = self.api.get("endpoint-stages", "endpointStage", self.ids["stage"])["endpointModelList"]
        self.ids["stage resource"] = resource["endpointModelId"]

    def _delete(self, plural: str, what: str) -> None:
        resource_id = self.ids[what]
        self.api.ok("DELETE", f"/{plural}/{resource_id}")
        self.api.gone(plural, resource_id)


class Objects:
    """What adapters have made in a profile and is there still."""

    def __init__(self, server: ApiServerProcess, profile: str) -> None:
        self._server = server
        # An event tells of an object, and stays for a while when that has gone.
        self._collections = [path for path in collections_of(server, profile) if not path.endswith("/events")]

    def of(self, *lives: Life) -> Counter[str]:
        """By type and by what it belongs to; without pods."""
        whose = {resource_id: what for life in lives for what, resource_id in life.ids.items()}
        return Counter(
            f"{plural} of {whose.get(resource_id, 'nobody known')}"
            for plural, resource_id in self._found()
            if plural != "pods"
        )

    def require_none(self) -> None:
        """Pods go a moment after what they belong to."""
        wait_for(lambda: self._found() == [], PATIENCE, f"nothing is left but {self.of()}")

    def _found(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for path in self._collections:
            answer = self._server.request("GET", path, params={"labelSelector": MANAGED}).raise_for_status()
            labels = [item["metadata"]["labels"] for item in answer.json()["items"]]
            found += [(path.rpartition("/")[2], each.get("easymaker.kubeflow.org/resource-id", "")) for each in labels]
        return found
