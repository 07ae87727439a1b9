"""Pipelines, runs and schedules made up for the tests, with what they refer to; a pipeline compiled by hand."""

import json
from dataclasses import replace
from typing import Any

from adapters.easymaker.catalogue import Catalogue, load
from adapters.easymaker.engines.cluster.mapping.pipeline_specs import PipelineSite
from adapters.easymaker.kinds.record import Family, Goal, Json, Record
from tests.adapters.easymaker.engines.cluster import training_samples as samples

PIPELINE_ID = "5d0c1f5a-7d64-4b8e-9a51-0f6f0c1d2e3f"
RUN_ID = "6e1d2f5a-7d64-4b8e-9a51-0f6f0c1d2e3f"
SCHEDULE_ID = "7f2e3f5a-7d64-4b8e-9a51-0f6f0c1d2e3f"


def container(**more: Any) -> Json:
    return {"container": {"image": "python:3.11", "command": ["python", "-c", "pass"]} | more}


def task(component: str, *after: str) -> Json:
    found: Json = {"taskInfo": {"name": component}, "componentRef": {"name": component}}
    return found | {"dependentTasks": list(after)} if after else found


def spec(**executors: Json) -> Json:
    """prepare, then train; ``executors`` take the place of theirs."""
    given = {"exec-prepare": container(), "exec-train": container()} | {
        f"exec-{name}": executor for name, executor in executors.items()
    }
    return {
        "pipelineInfo": {"name": "two-steps"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.17.0",
        "components": {
            "comp-prepare": {"executorLabel": "exec-prepare"},
            "comp-train": {"executorLabel": "exec-train"},
        },
        "deploymentSpec": {"executors": given},
        "root": {
            "inputDefinitions": {"parameters": {"epochs": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3.0}}},
            "dag": {"tasks": {"prepare": task("comp-prepare"), "train": task("comp-train", "prepare")}},
        },
    }


def record(kind: str, resource_id: str, given: Json, values: Json | None = None) -> Record:
    made = replace(samples.experiment(), kind=kind, id=resource_id, name=kind, spec=given)
    return replace(made, **(values or {}))


def pipeline(values: Json | None = None, document: Json | None = None, platforms: Json | None = None) -> Record:
    given = {"documents": json.dumps([document or spec(), platforms]), "specificationName": "two-steps"}
    return record("pipeline", PIPELINE_ID, given, {"name": "two steps"} | (values or {}))


def _settings(more: Json) -> Json:
    return {
        "pipelineId": PIPELINE_ID,
        "pipelineName": "two steps",
        "arguments": {"epochs": 5},
        "experimentId": samples.EXPERIMENT_ID,
        "flavorId": samples.flavor_id(),
        "instanceCount": 1,
        "bootStorageSize": 50,
        "nasList": [],
    } | more


def run(values: Json | None = None, **given: Any) -> Record:
    return record("pipeline-run", RUN_ID, _settings(given), {"name": "first try"} | (values or {}))


def schedule(values: Json | None = None, **given: Any) -> Record:
    every = {"schedulePeriodicMinutes": 10} if "scheduleCronExpression" not in given else {}
    more = {"scheduleTimeZone": "UTC", "maxConcurrencyCount": 1, "useCatchup": True} | every
    values = {"name": "every night"} | (values or {})
    return record("pipeline-recurring-run", SCHEDULE_ID, _settings(more | given), values)


def family(of: Record, state: Json | None = None, goal: Goal = Goal.PRESENT, **pipeline_values: Any) -> Family:
    """With its pipeline and its experiment, in the same namespace."""
    mine = replace(of, state=of.state | (state or {}), goal=goal)
    experiment = samples.experiment({"appkey": of.appkey})
    return Family(
        mine, {"pipeline": (pipeline({"appkey": of.appkey}, **pipeline_values),), "experiment": (experiment,)}
    )


def site(catalogue: Catalogue | None = None, **settings: Any) -> PipelineSite:
    return PipelineSite(catalogue or load(), samples.cluster_settings(**settings), "kr1")
