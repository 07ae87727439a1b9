"""Kubeflow's own opinion of a pipeline: its protobuf schema and kfp's loader.

A program of its own, because importing kfp takes two seconds and some memory that a server need not carry:
``python -P -m adapters.easymaker.pipelines.kfp_check < pipeline.yaml`` writes a JSON list of problems, and ends with 1
if there are any.
"""

import json
import sys
import warnings
from typing import Any

from adapters.easymaker.pipelines import kfp_modules
from adapters.easymaker.pipelines.documents import Pipeline, load
from adapters.easymaker.pipelines.kfp_modules import kfp
from adapters.easymaker.pipelines.problems import InvalidPipeline

Json = Any


def check(pipeline: Pipeline) -> list[str]:
    """What kfp and its schema have against ``pipeline``, which must have been read by ``documents.load``."""
    schema, json_format = kfp(kfp_modules.SCHEMA), kfp(kfp_modules.JSON_FORMAT)
    problems: list[str] = []
    documents: list[tuple[Json, Any, str]] = [(pipeline.spec, schema.PipelineSpec(), "pipeline")]
    if pipeline.platforms is not None:
        documents.append((pipeline.platforms, schema.PlatformSpec(), "platform settings"))
    # In the schema it is a Struct, which takes anything.
    documents.append((pipeline.spec["deploymentSpec"] or {}, schema.PipelineDeploymentConfig(), "deploymentSpec"))
    for document, message, name in documents:
        try:
            json_format.ParseDict(document, message)
        except json_format.ParseError as error:
            problems.append(f"{name}: {error}")
    return problems or _loader_problems(pipeline)


def _loader_problems(pipeline: Pipeline) -> list[str]:
    """kfp's loader gets our reading as JSON, which is YAML, and so never sees what we refuse."""
    documents = [pipeline.spec] if pipeline.platforms is None else [pipeline.spec, pipeline.platforms]
    text = "\n---\n".join(json.dumps(document) for document in documents)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kfp(kfp_modules.COMPONENTS).load_component_from_text(text)
    except Exception as error:
        # Whatever it raises, it says that kfp cannot load this: a user's file is no reason to fail here.
        return [f"kfp cannot load it: {type(error).__name__}: {error}"]
    return []


def main() -> int:
    try:
        problems = check(load(sys.stdin.buffer.read()))
    except InvalidPipeline as error:
        problems = list(error.problems)
    sys.stdout.write(json.dumps(problems) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
