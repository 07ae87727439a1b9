"""Resources of every kind in two appkeys, for tests that try to reach one from the other. None starts a process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

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

    def deployment(self, **changes: Any) -> dict[str, Any]:
        return {
            "description": self.mark,
            "flavorId": self.api.flavor(),
            "endpointModelResourceList": [{"modelId": self.ids["model"], "resourceAllocationPercent": 1}],
        } | changes

    def bodies(self) -> dict[str, dict[str, Any]]:
        """A create body of every kind, by kind name, which the API accepts."""
        template = {k: v for k, v in self.training_body().items() if k not in ("trainingName", "experimentId")}
        return {
            "experiment": {"experimentName": f"experiment {self.mark}", "description": self.mark},
            "training": self.training_body(),
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
        }

    def create(self) -> None:
        for plural, key, kind in (
            ("experiments", "experiment", "experiment"),
            ("trainings", "training", "training"),
            ("training-templates", "trainingTemplate", "training-template"),
            ("models", "model", "model"),
            ("endpoints", "endpoint", "endpoint"),
            ("endpoint-stages", "endpointStage", "endpoint-stage"),
            ("endpoint-models", "endpointModel", "endpoint-model"),
        ):
            self.ids[kind] = ""
            made = self.api.create(plural, key, self.bodies_of(kind))[f"{key}Id"]
            self.ids[kind] = made
            if kind in ("experiment", "model"):
                self.api.wait(plural, key, made, {"ACTIVE"})

    def bodies_of(self, kind: str) -> dict[str, Any]:
        self.ids.setdefault("experiment", "")
        self.ids.setdefault("model", "")
        return self.bodies()[kind]


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
