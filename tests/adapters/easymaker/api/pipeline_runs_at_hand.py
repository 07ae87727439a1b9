"""Pipelines and runs as a test asks for them, in one appkey of a running installation."""

import base64
import itertools
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import Api, Installation, wait_for

NUMBERS = itertools.count(1)
RUNS, RUN = "pipeline-runs", "pipelineRun"
SCHEDULES, SCHEDULE = "pipeline-recurring-runs", "pipelineRecurringRun"
ENDS = {"COMPLETE", "STOPPED", "FAIL_PIPELINE_RUN", "CREATE_FAILED"}
PATIENCE = 240.0


def compile_pipelines(folder: Path) -> Path:
    """By the real compiler, in a process that may import it."""
    script = Path(__file__).with_name("rest_pipelines.py")
    subprocess.run([sys.executable, str(script), str(folder)], check=True)
    return folder


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@dataclass
class Pipelines:
    """``notes`` is the NAS folder that the runs write to."""

    installation: Installation
    compiled: Path
    appkey: str = "local"
    _uploaded: dict[str, str] = field(default_factory=dict[str, str])
    _experiment: str = ""

    @property
    def api(self) -> Api:
        return self.installation.api(self.appkey)

    @property
    def notes(self) -> Path:
        return self.installation.nas("notes", self.appkey)

    def noted(self, name: str) -> list[str]:
        file = self.notes / name
        return file.read_text().splitlines() if file.exists() else []

    def upload(self, text: str | bytes, name: str = "") -> str:
        body = {"pipelineName": name or f"pipeline {next(NUMBERS)}", "base64PipelineSpecManifest": encoded(text)}
        return self.api.ok("POST", "/pipelines/upload", json=body)["pipeline"]["pipelineId"]

    def pipeline(self, name: str) -> str:
        """One that is ACTIVE, uploaded once for all tests of the module."""
        if name not in self._uploaded:
            made = self.upload((self.compiled / f"{name}.yaml").read_bytes(), f"{name} {next(NUMBERS)}")
            found = self.api.wait("pipelines", "pipeline", made, {"ACTIVE", "CREATE_FAILED"})
            assert found["pipelineStatusCode"] == "ACTIVE", found["pipelineStatusReason"]
            self._uploaded[name] = made
        return self._uploaded[name]

    def body(self, pipeline: str, values: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        """``pipeline`` is a name of rest_pipelines or an id."""
        self.notes.mkdir(parents=True, exist_ok=True)
        known = (self.compiled / f"{pipeline}.yaml").exists()
        return {
            "pipelineRunOrRecurringRunName": f"run {next(NUMBERS)}",
            "pipelineId": self.pipeline(pipeline) if known else pipeline,
            "experimentId": self.experiment(),
            "flavorId": self.api.flavor(),
            "instanceCount": 1,
            "bootStorageSize": 50,
            "parameterList": [{"parameterName": k, "parameterValue": v} for k, v in (values or {}).items()],
            "nasList": [{"mountDirName": "notes", "nasUri": "nas://notes:/"}],
        } | changes

    def experiment(self) -> str:
        self._experiment = self._experiment or self.api.experiment(f"pipelines {next(NUMBERS)}")
        return self._experiment

    def start(self, pipeline: str, values: dict[str, Any] | None = None, **changes: Any) -> str:
        made = self.api.create(RUNS, RUN, self.body(pipeline, values, **changes))
        return made["pipelineRunId"]

    def end(self, run: str) -> dict[str, Any]:
        return self.api.wait(RUNS, RUN, run, ENDS)

    def run(self, pipeline: str, values: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        return self.end(self.start(pipeline, values, **changes))

    def completed(self, pipeline: str, values: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        found = self.run(pipeline, values, **changes)
        assert found["pipelineRunStatusCode"] == "COMPLETE", found["pipelineRunStatusReason"]
        return found

    def schedule(self, pipeline: str, values: dict[str, Any], **changes: Any) -> str:
        body = self.body(pipeline, values, **changes)
        return self.api.ok("POST", f"/{RUNS}", json=body)[SCHEDULE]["pipelineRecurringRunId"]

    def nodes(self, run: str) -> dict[str, dict[str, Any]]:
        return {node["id"]: node for node in self.api.ok("GET", f"/{RUNS}/{run}/graph")["graph"]["nodes"]}

    def states(self, run: str) -> dict[str, str]:
        return {node_id: node["state"] for node_id, node in self.nodes(run).items()}

    def waits_in_the_middle(self, name: str) -> str:
        """A run of ``waits`` whose second step has begun."""
        run = self.start("waits", {"name": name})
        wait_for(lambda: "began" in self.noted(name), PATIENCE, "the second step began")
        return run

    def go(self, name: str) -> None:
        (self.notes / f"{name}.go").touch()

    def delete(self, plural: str, resource_id: str) -> None:
        self.api.ok("DELETE", f"/{plural}/{resource_id}")
        self.api.gone(plural, resource_id)

    def clear(self) -> None:
        """Delete everything that was made here; what goes on is stopped first."""
        for plural, key in ((SCHEDULES, SCHEDULE), (RUNS, RUN), ("pipelines", "pipeline")):
            made = self.api.ok("GET", f"/{plural}")[f"{key}List"]
            for each in made:
                if plural == RUNS and each["pipelineRunStatusCode"] not in ENDS:
                    self.api.call("PUT", f"/{RUNS}/{each['pipelineRunId']}/stop")
                    self.end(each["pipelineRunId"])
                self.delete(plural, each[f"{key}Id"])
        if self._experiment:
            self.delete("experiments", self._experiment)
