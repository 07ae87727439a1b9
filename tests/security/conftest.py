"""Resources of every kind in two appkeys, for tests that try to reach one from the other. None starts a process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.easymaker.kinds import KIND_BY_NAME
from tests.small_pipeline import manifest

# Its image has no requirements, so that a training of it ends in CREATE_FAILED before anything runs.
NOT_RUNNABLE = "Image Classification CPU"
# This installation serves no TENSORFLOW model, so that a stage of it ends in CREATE_FAILED before anything runs.
NOT_SERVABLE = "TENSORFLOW"


@dataclass
class Population:
    """One resource per kind in one appkey; names and descriptions hold ``mark``."""

    appkey: str
    mark: str
    api: Any
    ids: dict[str, str] = field(default_factory=dict)

    def training_body(self, **changes: Any) -> dict[str, Any]:
        body = self.api.training_body(self.ids["experiment"], imageId=self.api.image(NOT_RUNNABLE))
        return body | {"trainingName": f"training {self.mark}", "description": self.mark} | changes

    def tuning_body(self, **changes: Any) -> dict[str, Any]:
        body = self.api.tuning_body(self.ids["experiment"], imageId=self.api.image(NOT_RUNNABLE))
        return body | {"hyperparameterTuningName": f"tuning {self.mark}", "description": self.mark} | changes

    def deployment(self, **changes: Any) -> dict[str, Any]:
        return {
            "description": self.mark,
            "flavorId": self.api.flavor(),
            "endpointModelResourceList": [{"modelId": self.ids["model"], "resourceAllocationPercent": 1}],
        } | changes

    def run_body(self, **changes: Any) -> dict[str, Any]:
        """Of a run that ends in CREATE_FAILED before anything runs: there is no such folder."""
        return {
            "pipelineRunOrRecurringRunName": f"run {self.mark}",
            "description": self.mark,
            "pipelineId": self.ids.get("pipeline"),
            "experimentId": self.ids.get("experiment"),
            "flavorId": self.api.flavor(),
            "nasList": [{"mountDirName": "data", "nasUri": "nas://models:/nowhere"}],
        } | changes

    def bodies(self) -> dict[str, dict[str, Any]]:
        """A create body of every kind, by kind name, which the API accepts."""
        template = {k: v for k, v in self.training_body().items() if k not in ("trainingName", "experimentId")}
        return {
            "experiment": {"experimentName": f"experiment {self.mark}", "description": self.mark},
            "training": self.training_body(),
            "hyperparameter-tuning": self.tuning_body(),
            "training-template": template | {"trainingTemplateName": f"template {self.mark}"},
            "model": {
                "modelName": f"model-{self.mark}",
                "description": self.mark,
                "modelFormatCode": NOT_SERVABLE,
                "modelUploadUri": "nas://models:/saved",
            },
            "endpoint": self.deployment(endpointName=f"endpoint {self.mark}"),
            "endpoint-stage": self.deployment(endpointId=self.ids.get("endpoint"), apigwStageName="second"),
            "endpoint-model": {
                "endpointStageId": self.ids.get("endpoint-stage"),
                "modelId": self.ids.get("model"),
                "resourceAllocationPercent": 1,
            },
            "pipeline": {
                "pipelineName": f"pipeline {self.mark}",
                "description": self.mark,
                "base64PipelineSpecManifest": manifest(),
            },
            "pipeline-run": self.run_body(),
            "pipeline-recurring-run": self.run_body(scheduleCronExpression="0 0 0 1 1 *"),
        }

    def create(self) -> None:
        self.ids = {"experiment": "", "model": ""}
        for kind in ("experiment", "training", "hyperparameter-tuning", "training-template", "model"):
            self._create(kind)
        self._create_endpoint()
        self._create("endpoint-model")
        for kind in ("pipeline", "pipeline-run", "pipeline-recurring-run"):
            self._create(kind)

    def _create(self, name: str) -> None:
        kind = KIND_BY_NAME[name]
        made = self.api.create(f"{kind.plural}{kind.create_path}", kind.key, self.bodies()[name])
        self.ids[name] = made[kind.id_field]
        if name in ("experiment", "model", "pipeline"):
            self.api.wait(kind.plural, kind.key, self.ids[name], {"ACTIVE"})

    def _create_endpoint(self) -> None:
        """With a second stage, which an endpoint takes only as long as it has not failed: tried until it is in time."""
        for _ in range(50):
            self._create("endpoint")
            answer = self.api.call("POST", "/endpoint-stages", json=self.bodies()["endpoint-stage"])
            if answer.status_code == 200:
                self.ids["endpoint-stage"] = answer.json()["endpointStage"]["endpointStageId"]
                return
            self.api.ok("DELETE", f"/endpoints/{self.ids['endpoint']}")
            self.api.gone("endpoints", self.ids["endpoint"])
        raise AssertionError(answer.text)


@pytest.fixture(scope="session")
def populate() -> Callable[[Any, str, str], Population]:
    """Fill an appkey of an installation with one resource of every kind."""

    def fill(installation: Any, appkey: str, mark: str) -> Population:
        directory = installation.nas("models", appkey) / "saved"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "saved_model.pb").write_bytes(b"graph")
        made = Population(appkey, mark, installation.api(appkey, "both"))
        made.create()
        return made

    return fill


@pytest.fixture(scope="session")
def ours(installation: Any, populate: Callable[[Any, str, str], Population]) -> Population:
    return populate(installation, "local", "of-ours")


@pytest.fixture(scope="session")
def theirs(installation: Any, populate: Callable[[Any, str, str], Population]) -> Population:
    return populate(installation, "other", "of-theirs-a8c1f")
