"""Create requests, one per kind, with everything that they refer to already there."""

import base64
import itertools
import json
from collections.abc import Callable
from pathlib import Path

from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.record import Json
from tests.conformance.rows import Rows

NUMBERS = itertools.count(1)
IMAGE = "Ubuntu 22.04 CPU Python Training"
FLAVOR = "m2.c1m2"
# Several fit into one instance.
TUNED: Json = {
    "hyperparameterName": "x",
    "hyperparameterTypeCode": "double",
    "hyperparameterMinValue": "0",
    "hyperparameterMaxValue": "1",
}
# What the compiler makes of a component with one parameter; the step does what job.py does in its control directory.
STEP = Path(__file__).with_name("step.py").read_text()
PIPELINE: Json = {
    "components": {
        "comp-work": {
            "executorLabel": "exec-work",
            "inputDefinitions": {"parameters": {"control": {"parameterType": "STRING"}}},
        }
    },
    "deploymentSpec": {
        "executors": {
            "exec-work": {
                "container": {
                    "image": "python:3.11",
                    "command": [
                        "sh",
                        "-ec",
                        'd=$(mktemp -d); printf "%s" "$0" > "$d/step.py"; '
                        'exec python3 -m kfp.dsl.executor_main --component_module_path "$d/step.py" "$@"',
                        STEP,
                    ],
                    "args": ["--executor_input", "{{$}}", "--function_to_execute", "work"],
                }
            }
        }
    },
    "pipelineInfo": {"name": "work"},
    "root": {
        "dag": {
            "tasks": {
                "work": {
                    "cachingOptions": {},
                    "componentRef": {"name": "comp-work"},
                    "inputs": {"parameters": {"control": {"componentInputParameter": "control"}}},
                    "taskInfo": {"name": "work"},
                }
            }
        },
        "inputDefinitions": {"parameters": {"control": {"parameterType": "STRING"}}},
    },
    "schemaVersion": "2.1.0",
    "sdkVersion": "kfp-2.17.0",
}
QUOTA = {"cpu": "250m", "memory": "512Mi"}


def body(rows: Rows, kind: str) -> Json:
    """What the engine itself has to have, such as files, is for the world to add."""
    return _BODIES[kind](rows)


def ready(rows: Rows, kind: str, given: Json | None = None) -> str:
    """A resource that others may refer to, of which the engine has not been told."""
    planned = rows.create(kind, body(rows, kind) | (given or {}))
    for each in planned:
        rows.change(each.id, status=KIND_BY_NAME[each.kind].lifecycle.up)
    return planned[0].id


def _name(what: str) -> str:
    return f"{what} {next(NUMBERS)}"


def _experiment(rows: Rows) -> Json:
    return {"experimentName": _name("experiment")}


def _settings(rows: Rows) -> Json:
    return {
        "imageId": next(i.image_id for i in rows.catalogue.images_by_id.values() if i.image_name == IMAGE),
        "flavorId": flavor(rows),
        "sourceDirUri": "nas://code:/",
        "entryPoint": "job.py",
        "modelUploadUri": f"nas://out:/{next(NUMBERS)}",
        "timeoutMinutes": 60,
    }


def _training(rows: Rows) -> Json:
    return _settings(rows) | {"trainingName": _name("training"), "experimentId": ready(rows, "experiment")}


def _tuning(rows: Rows) -> Json:
    return _settings(rows) | {
        "hyperparameterTuningName": _name("tuning"),
        "experimentId": ready(rows, "experiment"),
        "hyperparameterSpecList": [TUNED],
        "objectiveMetric": {"name": "score"},
        "objectiveTypeCode": "MAXIMIZE",
        "tuningStrategyName": "RANDOM",
        "maxTrialCount": 4,
    }


def _template(rows: Rows) -> Json:
    return _settings(rows) | {"trainingTemplateName": _name("template")}


def _model(rows: Rows) -> Json:
    return {
        "modelName": f"model-{next(NUMBERS)}",
        "modelFormatCode": "SKLEARN",
        "modelUploadUri": "nas://models:/iris",
    }


def _deployment(rows: Rows) -> Json:
    model = {"modelId": ready(rows, "model"), "apigwResourceUri": "/inference"}
    return {"flavorId": flavor(rows), "nodeCount": 1, "endpointModelResourceList": [model]}


def _endpoint(rows: Rows) -> Json:
    return _deployment(rows) | {"endpointName": _name("endpoint")}


def _stage(rows: Rows) -> Json:
    stage = f"stage{next(NUMBERS)}"
    return _deployment(rows) | {"endpointId": ready(rows, "endpoint"), "apigwStageName": stage}


def _stage_resource(rows: Rows) -> Json:
    neighbour = {"modelId": ready(rows, "model"), "resourceOptionDetail": QUOTA}
    stage = ready(rows, "endpoint-stage", {"endpointModelResourceList": [neighbour]})
    return {"endpointStageId": stage, "modelId": ready(rows, "model"), "resourceOptionDetail": QUOTA}


def _pipeline(rows: Rows) -> Json:
    document = base64.b64encode(json.dumps(PIPELINE).encode()).decode()
    return {"pipelineName": _name("pipeline"), "base64PipelineSpecManifest": document}


def _pipeline_run(rows: Rows) -> Json:
    return {
        "pipelineRunOrRecurringRunName": _name("run"),
        "pipelineId": ready(rows, "pipeline"),
        "experimentId": ready(rows, "experiment"),
        "flavorId": flavor(rows),
        "instanceCount": 1,
        "bootStorageSize": 50,
        "parameterList": [{"parameterName": "control", "parameterValue": "/nowhere"}],
    }


def _recurring_run(rows: Rows) -> Json:
    return _pipeline_run(rows) | {"scheduleCronExpression": "@yearly"}


def flavor(rows: Rows) -> str:
    return next(each.id for each in rows.catalogue.flavors_by_id.values() if each.name == FLAVOR)


_BODIES: dict[str, Callable[[Rows], Json]] = {
    "experiment": _experiment,
    "training": _training,
    "hyperparameter-tuning": _tuning,
    "training-template": _template,
    "model": _model,
    "endpoint": _endpoint,
    "endpoint-stage": _stage,
    "endpoint-model": _stage_resource,
    "pipeline": _pipeline,
    "pipeline-run": _pipeline_run,
    "pipeline-recurring-run": _recurring_run,
}
