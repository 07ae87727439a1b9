"""READMEs and metadata: of each component, in the community's form, in step with the code, with working examples."""

import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from kfp_components.easymaker import COMPONENTS
from kfp_components.easymaker.documentation import FOLDER, MARK, generated

# The fields that kubeflow/pipelines-components allows and requires.
VERSION = r"^(==|>=|<=|~=)?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$"
DEPENDENCIES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "version"],
        "properties": {"name": {"type": "string"}, "version": {"type": "string", "pattern": VERSION}},
        "additionalProperties": False,
    },
}
METADATA = {
    "type": "object",
    "required": ["name", "stability", "dependencies", "tags", "lastVerified"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "stability": {"enum": ["alpha", "beta", "stable"]},
        "dependencies": {
            "type": "object",
            "required": ["kubeflow"],
            "additionalProperties": False,
            "properties": {"kubeflow": DEPENDENCIES, "external_services": DEPENDENCIES},
        },
        "tags": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "lastVerified": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"},
    },
}


@pytest.mark.parametrize("name", COMPONENTS)
def test_metadata_have_the_communitys_form(name: str) -> None:
    text = (FOLDER / name / "metadata.yaml").read_text(encoding="utf-8")
    found = yaml.load(text, Loader=yaml.BaseLoader)
    jsonschema.validate(found, METADATA)
    assert found["name"] == name
    assert "Pipelines" in {each["name"] for each in found["dependencies"]["kubeflow"]}


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_readme_tells_what_the_code_says(name: str) -> None:
    text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    assert text.partition(MARK)[0] + MARK == generated(name), "run python -m kfp_components.easymaker.documentation"


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_input_and_output_is_described(name: str) -> None:
    rows = [line for line in generated(name).splitlines() if line.startswith("| `")]
    assert [row for row in rows if re.search(r"\|\s*\|$", row)] == []


def test_the_examples_of_all_readmes_compile(tmp_path: Path) -> None:
    """In one process: each defines a pipeline, which the decorator compiles as it is read."""
    readmes = [*(FOLDER / name / "README.md" for name in COMPONENTS), FOLDER / "authoring/README.md"]
    found = {path: re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL) for path in readmes}
    assert [str(path) for path, codes in found.items() if not codes] == []
    codes = [code for codes in found.values() for code in codes]
    # An ellipsis stands for steps of the reader's, of which a condition needs one.
    script = "\n".join(code.replace("        ...\n", "        download(uri='nas://team:/x')\n") for code in codes)
    path = tmp_path / "readme_examples.py"
    path.write_text("from kfp_components.easymaker import download\n" + script)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
