"""The part of a component's README that is made from its code, as the community's pipelines-components have it.

What stands below the mark is written by hand. ``python -m kfp_components.easymaker.documentation`` renews the rest.
"""

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import docstring_parser
import yaml

from kfp_components.easymaker import COMPONENTS

FOLDER = Path(__file__).parent
MARK = "<!-- custom-content -->"
_KINDS = {"Integer": "int", "Float": "float", "String": "str", "Boolean": "bool", "List": "list", "Dict": "dict"}


def generated(name: str) -> str:
    """Title, overview, inputs, outputs and metadata of a component, up to the mark."""
    component = getattr(import_module(f"kfp_components.easymaker.{name}.component"), name)
    described = docstring_parser.parse(inspect.getdoc(component.python_func) or "")
    # Of outputs, kfp keeps no description where they are artifacts, or the only result.
    texts = {each.args[1]: each.description or "" for each in described.meta if each.args[0] == "param"}
    texts["Output"] = next((each.description or "" for each in described.meta if each.args == ["returns"]), "")
    specification = component.component_spec
    metadata = yaml.safe_load((FOLDER / name / "metadata.yaml").read_text(encoding="utf-8"))
    overview = " ".join((described.description or "").split())
    parts = [
        f"# {name.replace('_', ' ').capitalize()}",
        f"> **Stability: {metadata['stability']}**",
        "## Overview",
        overview,
        "## Inputs",
        _inputs(specification.inputs or {}),
        "## Outputs",
        _outputs(specification.outputs or {}, texts),
        "## Metadata",
        _metadata(metadata),
        MARK,
    ]
    return "\n\n".join(parts)


def _inputs(inputs: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}` | `{_kind(each.type)}` | {_default(each)} | {' '.join((each.description or '').split())} |"
        for name, each in inputs.items()
    ]
    return "\n".join(["| name | type | default | what it is |", "| --- | --- | --- | --- |", *rows])


def _default(given: Any) -> str:
    if not given.optional:
        return "required"
    return "none" if given.default is None else f"`{given.default!r}`"


def _outputs(outputs: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    rows = [
        f"| `{name}` | `{_kind(each.type)}` | {' '.join((each.description or texts.get(name, '')).split())} |"
        for name, each in outputs.items()
    ]
    return "\n".join(["| name | type | what it is |", "| --- | --- | --- |", *rows]) if rows else "None."


def _kind(of_type: str) -> str:
    return _KINDS.get(of_type) or of_type.removeprefix("system.").partition("@")[0]


def _metadata(metadata: Mapping[str, Any]) -> str:
    needs = [f"{each['name']} {each['version']}" for each in metadata["dependencies"]["kubeflow"]]
    lines = [f"- **Name**: {metadata['name']}", f"- **Needs**: Kubeflow {', '.join(needs)}"]
    lines += [f"- **Tags**: {', '.join(metadata['tags'])}", f"- **Last verified**: {metadata['lastVerified']:%Y-%m-%d}"]
    return "\n".join(lines)


def main() -> None:
    for name in COMPONENTS:
        path = FOLDER / name / "README.md"
        kept = path.read_text(encoding="utf-8").partition(MARK)[2] if path.exists() else "\n"
        path.write_text(generated(name) + kept, encoding="utf-8")


if __name__ == "__main__":
    main()
