"""Components and examples as compiled, without what depends on who compiled them."""

from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler

from kfp_components.easymaker import COMPONENTS

EXAMPLES = ("train_evaluate_deploy", "tune_and_promote", "nightly_batch_inference")
NAMES = (*COMPONENTS, *EXAMPLES)
Document = dict[str, Any]


def component(name: str) -> Any:
    where = f"{name}.component" if name in COMPONENTS else f"examples.{name}"
    return getattr(import_module(f"kfp_components.easymaker.{where}"), name)


def compiled(name: str, folder: Path) -> list[Document]:
    """One document, or two with what kfp-kubernetes adds."""
    path = folder / f"{name}.yaml"
    compiler.Compiler().compile(component(name), str(path))
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def reviewed(name: str, documents: list[Document]) -> list[Document]:
    """What a golden file has: not the version of kfp, and of an example not again what its components' files have."""
    pipeline, *platforms = documents
    pipeline = {key: value for key, value in pipeline.items() if key != "sdkVersion"}
    if name in EXAMPLES:
        parts = pipeline["components"]
        pipeline["components"] = {key: _without_interface(part) for key, part in parts.items()}
        executors = pipeline["deploymentSpec"]["executors"]
        kept = {key: _without_program(each["container"]) for key, each in executors.items()}
        pipeline["deploymentSpec"] = {"executors": kept}
    return [pipeline, *platforms]


def _without_interface(part: Document) -> Document:
    return part if "dag" in part else {"executorLabel": part["executorLabel"]}


def _without_program(container: Document) -> Document:
    return {"container": {key: value for key, value in container.items() if key not in ("args", "command")}}
