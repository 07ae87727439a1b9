"""A life cycle as a patient user lives it: what failed because the adapter was away is sent again, the same."""

import itertools
import ssl
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import PATIENCE, SETTLED, Installation, wait_for

TRAIN = """
import argparse, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--runs")
parser.add_argument("--seconds", type=float)
options = parser.parse_args()
with open(options.runs, "a") as runs:
    runs.write("fresh\\n" if not os.path.exists("trace") else "not fresh\\n")
open("trace", "w").close()
until = time.monotonic() + options.seconds
while time.monotonic() < until and not os.path.exists(options.runs + ".go"):
    time.sleep(0.02)
with open(os.path.join(os.environ["EM_MODEL_DIR"], "model.joblib"), "w") as file:
    file.write("a model")
"""
FIT = """
import os, joblib
from sklearn.dummy import DummyClassifier
model = DummyClassifier(strategy="constant", constant=7).fit([[0.0], [1.0]], [7, 8])
joblib.dump(model, os.path.join(os.environ["EM_MODEL_DIR"], "model.joblib"))
"""
ARTIFACT = "nas://fitted:/model"
ROWS = {"instances": [[0.5], [0.7]]}
ANSWER = {"predictions": [7, 7]}
KEYS = {
    "experiments": "experiment",
    "training-templates": "trainingTemplate",
    "trainings": "training",
    "models": "model",
    "endpoints": "endpoint",
    "endpoint-stages": "endpointStage",
    "endpoint-models": "endpointModel",
    "pipelines": "pipeline",
    "pipeline-runs": "pipelineRun",
    "pipeline-recurring-runs": "pipelineRecurringRun",
}


def fit_model(installation: Installation) -> None:
    """Have a scikit-learn model at ARTIFACT that answers ROWS with ANSWER; an adapter has to run."""
    api = installation.api()
    (installation.nas("fitted") / "main.py").write_text(FIT)
    experiment = api.experiment("fit")
    body = api.training_body(experiment, sourceDirUri="nas://fitted:/", modelUploadUri=ARTIFACT)
    training = api.create("trainings", "training", body)["trainingId"]
    done = api.wait("trainings", "training", training)
    assert done["trainingStatusCode"] == "COMPLETE", done["trainingStatusReason"]
    for plural, made in (("trainings", training), ("experiments", experiment)):
        api.ok("DELETE", f"/{plural}/{made}")
        api.gone(plural, made)


class Patient:
    """Sends a request until it is answered by something else than 503; creates carry an Idempotency-Key."""

    def __init__(self, installation: Installation, port: int | None = None) -> None:
        self._installation = installation
        self._url = f"http://127.0.0.1:{port or installation.port}/v1.0/appkeys/local"
        self._client = httpx.Client(timeout=PATIENCE, headers=installation.headers())
        self.retried = 0

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._client.request(method, self._url + path, json=body, headers=headers)
                if answer.status_code != 503:
                    assert answer.status_code < 500, f"{method} {path}: {answer.text[:500]} {self._installation.tail()}"
                    return answer
                told = answer.text
            except httpx.TransportError as error:
                told = repr(error)
            assert time.monotonic() < deadline, f"{method} {path}: {told} for {PATIENCE} s"
            self.retried += 1
            time.sleep(0.02)

    def ok(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.send(method, path, body)
        assert answer.status_code == 200, f"{method} {path}: {answer.text[:500]}"
        return answer.json()

    def create(self, plural: str, body: dict[str, Any]) -> str:
        return self.create_at(f"/{plural}", KEYS[plural], body)

    def create_at(self, path: str, key: str, body: dict[str, Any]) -> str:
        return self.ok("POST", path, body)[key][f"{key}Id"]

    def get(self, plural: str, resource_id: str) -> dict[str, Any]:
        return self.ok("GET", f"/{plural}/{resource_id}")[KEYS[plural]]

    def wait(self, plural: str, resource_id: str, wanted: str) -> dict[str, Any]:
        """The resource in the wanted status; any other end is a failure at once."""
        key = KEYS[plural]
        found: dict[str, Any] = {}

        def settled() -> bool:
            nonlocal found
            found = self.get(plural, resource_id)
            status = found[f"{key}StatusCode"]
            return status == wanted or (status in SETTLED and status not in ("ACTIVE",))

        wait_for(settled, PATIENCE, f"{plural} is {wanted}, not {found}")
        assert found[f"{key}StatusCode"] == wanted, f"{plural}: {found[f'{key}StatusReason']}"
        return found

    def delete(self, plural: str, resource_id: str) -> None:
        assert self.send("DELETE", f"/{plural}/{resource_id}").status_code in (200, 404)
        self.gone(plural, resource_id)

    def gone(self, plural: str, resource_id: str) -> None:
        path = f"/{plural}/{resource_id}"
        wait_for(lambda: self.send("GET", path).status_code == 404, PATIENCE, f"{path} is gone")

    def named(self, plural: str, name: str) -> list[str]:
        """Ids of all resources with this name."""
        listed = self.ok("GET", f"/{plural}?name={name}")
        return [each[f"{KEYS[plural]}Id"] for each in listed[f"{KEYS[plural]}List"]]

    def statuses(self, plural: str, resource_id: str) -> list[tuple[str | None, str | None]]:
        events = self.ok("GET", f"/{plural}/{resource_id}/events")["eventList"]
        return [(event["fromStatusCode"], event["toStatusCode"]) for event in events]


@dataclass
class Life:
    """Everything carries the same name, so that a second one of anything is found by it."""

    installation: Installation
    api: Patient
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    made: list[tuple[str, str]] = field(default_factory=list)
    """(plural, id) in the order of creation, which is the reverse of the order of deletion."""

    def create(self, plural: str, **body: Any) -> str:
        key = KEYS[plural]
        made = self.api.create(plural, {f"{key}Name": self.name, **body} if plural != "endpoint-stages" else body)
        self.made.append((plural, made))
        return made

    def training(self, experiment: str, label: str, seconds: float = 0.0, **changes: Any) -> str:
        settings = self.training_settings(label, seconds) | changes
        return self.create("trainings", experimentId=experiment, **settings)

    def training_settings(self, label: str, seconds: float) -> dict[str, Any]:
        """Everything of a training but its name and its experiment."""
        code = self.installation.nas("code")
        if not (code / "main.py").exists():
            (code / "main.py").write_text(TRAIN)
        catalogue = self._catalogue()
        parameters = {"runs": str(self.runs_file(label)), "seconds": str(seconds)}
        return {
            **catalogue,
            "sourceDirUri": "nas://code:/",
            "entryPoint": "main.py",
            "modelUploadUri": f"nas://out:/{self.name}/{label}",
            "timeoutMinutes": 60,
            "hyperparameterList": [{"parameterName": k, "parameterValue": v} for k, v in parameters.items()],
        }

    def _catalogue(self) -> dict[str, str]:
        images = self.api.ok("GET", "/images")["imageList"]
        flavors = self.api.ok("GET", "/flavors")["flavorList"]
        return {
            "imageId": next(i["imageId"] for i in images if i["imageName"] == "Ubuntu 22.04 CPU Python Training"),
            "flavorId": next(f["id"] for f in flavors if f["name"] == "m2.c1m2"),
        }

    def serving(self, model: str) -> dict[str, Any]:
        """What an endpoint and a stage with one resource are made from."""
        flavors = self.api.ok("GET", "/flavors")["flavorList"]
        return {
            "flavorId": next(f["id"] for f in flavors if f["name"] == "m2.c2m4"),
            "nodeCount": 1,
            "endpointModelResourceList": [{"modelId": model, "apigwResourceUri": "/inference"}],
        }

    def model(self) -> str:
        made = self.create("models", modelFormatCode="SKLEARN", modelUploadUri=ARTIFACT)
        self.api.wait("models", made, "ACTIVE")
        return made

    def stages(self, endpoint: str) -> list[str]:
        listed = self.api.ok("GET", f"/endpoint-stages?endpointId={endpoint}")["endpointStageList"]
        return [stage["endpointStageId"] for stage in listed]

    def predict(self, endpoint: str) -> Any:
        """The default stage's answer to ROWS."""
        return self.predict_at(self.api.get("endpoints", endpoint)["defaultStageUrl"])

    def predict_at(self, url: str) -> Any:
        context = ssl.create_default_context(cafile=str(self.installation.home / "gateway/certificates/ca.pem"))
        return httpx.post(f"https://{url}/inference", json=ROWS, verify=context, timeout=PATIENCE).json()

    def runs_file(self, label: str) -> Path:
        return self.installation.nas("runs") / f"{self.name}-{label}"

    def runs(self, label: str) -> int:
        """How often the training's entry point was begun."""
        return len(self.run_notes(label))

    def run_notes(self, label: str) -> list[str]:
        """A line from each run: "fresh" if it found its directory as it has to be."""
        path = self.runs_file(label)
        return path.read_text().splitlines() if path.exists() else []

    def go(self, label: str) -> None:
        """Let the training end now, whatever its seconds."""
        self.runs_file(label).with_name(self.runs_file(label).name + ".go").touch()

    def delete_all(self) -> None:
        for plural, resource_id in reversed(self.made):
            self.api.delete(plural, resource_id)

    def doubles(self) -> list[str]:
        """Kinds of which retried requests have made more than was asked for."""
        asked: dict[str, int] = {}
        for plural, _ in self.made:
            asked[plural] = asked.get(plural, 0) + 1
        wanted = {plural: count for plural, count in asked.items() if plural not in ("endpoint-stages",)}
        return [plural for plural, count in wanted.items() if len(self.api.named(plural, self.name)) != count]

    def torn_histories(self) -> list[str]:
        """Resources whose events do not join: one starts from another status than the one before ended in."""
        torn: list[str] = []
        for plural, resource_id in self.made:
            steps = self.api.statuses(plural, resource_id)
            if any(later[0] != earlier[1] for earlier, later in itertools.pairwise(steps)):
                torn.append(f"{plural} {steps}")
        return torn
