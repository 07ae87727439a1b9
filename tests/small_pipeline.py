"""A compiled pipeline of one step, for tests to which pipelines are one kind of resource among others."""

import base64
import json
from collections.abc import Sequence
from typing import Any

_PROGRAM = """
from kfp import dsl

def say(text: str) -> str:
    print(text)
    return text
"""
_COMMAND = (
    'program_path=$(mktemp -d)\nprintf "%s" "$0" > "$program_path/ephemeral_component.py"\n'
    '_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path "$program_path/ephemeral_component.py"'
    ' "$@"\n'
)


def document(name: str = "hello", command: Sequence[str] = ()) -> dict[str, Any]:
    """With one parameter, ``text``, whose default is "hello"; the step ``say`` returns it, or runs another command."""
    text = {"parameterType": "STRING", "defaultValue": "hello", "isOptional": True}
    container = {
        "image": "python:3.11",
        "command": list(command) or ["sh", "-ec", _COMMAND, _PROGRAM],
        "args": ["--executor_input", "{{$}}", "--function_to_execute", "say"],
    }
    return {
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.17.0",
        "pipelineInfo": {"name": name},
        "deploymentSpec": {"executors": {"exec-say": {"container": container}}},
        "components": {
            "comp-say": {
                "executorLabel": "exec-say",
                "inputDefinitions": {"parameters": {"text": {"parameterType": "STRING"}}},
                "outputDefinitions": {"parameters": {"Output": {"parameterType": "STRING"}}},
            }
        },
        "root": {
            "dag": {
                "tasks": {
                    "say": {
                        "componentRef": {"name": "comp-say"},
                        "cachingOptions": {},
                        "inputs": {"parameters": {"text": {"componentInputParameter": "text"}}},
                        "taskInfo": {"name": "say"},
                    }
                }
            },
            "inputDefinitions": {"parameters": {"text": text}},
        },
    }


def manifest(name: str = "hello", command: Sequence[str] = ()) -> str:
    """In base64, as it is uploaded. JSON is YAML."""
    return base64.b64encode(json.dumps(document(name, command)).encode()).decode()
