"""The documentation says what the code does: generated pages, tables, links, commands, names."""

import ast
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from adapters.easymaker import catalogue
from adapters.easymaker.api import reference
from adapters.easymaker.catalogue.entries import (
    Algorithm,
    Flavor,
    HyperparameterSpec,
    Image,
    ModelPreset,
    ModelPresetMetadata,
    ParameterSpec,
)
from adapters.easymaker.cli.main import app as cli
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.local.object_storage.tokens import tenant_of
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.settings import Settings
from tests.official_sdk import IMPATIENT, sdk_python

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in ("node_modules", "build") for part in path.relative_to(ROOT).parts)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"kubeflow-easymaker ([a-z]+)(?: ([a-z]+))?")
TARGET = re.compile(r"(?<![-\w])make ([a-z][a-z-]*)")
VARIABLE = re.compile(r"EASYMAKER_[A-Z][A-Z_]*[A-Z](?![A-Z_])")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_of(text: str) -> str:
    """Everything that a reader may type: code blocks and code spans."""
    blocks = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`[^`\n]+`", text)])


def test_the_api_reference_is_up_to_date() -> None:
    command = ".venv/bin/python -m adapters.easymaker.api.reference > docs/api.md"
    assert (ROOT / "docs/api.md").read_text("utf-8") == reference.document(), f"run {command}"


def settings_table(settings: type[BaseSettings]) -> str:
    rows = []
    for name, field in settings.model_fields.items():
        default = field.default
        if isinstance(default, tuple):
            default = "[" + ", ".join(f'"{part}"' for part in default) + "]"
        value = "" if default is None else f"`{default}`"
        variable = f"{settings.model_config.get('env_prefix')}{name.upper()}"
        rows.append([f"`{variable}`", value, field.description or ""])
    return reference.table(["variable", "default", "meaning"], rows)


@pytest.mark.parametrize(
    ("page", "settings"), [("README.md", Settings), ("docs/platform/settings.md", ClusterSettings)]
)
def test_every_setting_is_listed(page: str, settings: type[BaseSettings]) -> None:
    expected = settings_table(settings)
    assert expected in (ROOT / page).read_text("utf-8"), f"the table of settings in {page} should be:\n{expected}"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def where_is() -> list[tuple[str, str, str]]:
    """Rows of ARCHITECTURE.md's table: question, file, symbols."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8").partition("## Where is …")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    return [(row[0].strip(), LINK.findall(row[1])[0], row[2]) for row in rows]


@pytest.mark.parametrize(("question", "file", "symbols"), where_is())
def test_what_architecture_says_to_be_somewhere_is_there(question: str, file: str, symbols: str) -> None:
    """So that a newcomer finds it in seconds, also after a rename."""
    path = ROOT / file
    assert path.exists(), question
    for symbol in re.findall(r"`([^`]+)`", symbols):
        assert symbol in defined_in(path), f"{question}: {file} has no {symbol}"


def defined_in(path: Path) -> set[str]:
    """Names of a module, with ``Class.method``; of anything else, its words."""
    if path.suffix != ".py":
        return set(re.findall(r"[\w.-]+", path.read_text("utf-8"))) if path.is_file() else set()
    names: set[str] = set()

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    collect(node.body, f"{node.name}.")
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names.update(prefix + t.id for t in targets if isinstance(t, ast.Name))

    collect(ast.parse(path.read_text("utf-8")).body, "")
    return names


def test_architecture_answers_the_newcomers_first_questions() -> None:
    asked = " ".join(question for question, _, _ in where_is()).lower()
    for words in ("training's statuses", "route table", "leases", "environment variables", "stops a local training"):
        assert words in asked


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_documented_commands_exist(page: Path) -> None:
    commands = {
        name: set(getattr(command, "commands", {})) for name, command in typer.main.get_command(cli).commands.items()
    }
    typed = code_of(page.read_text("utf-8"))
    for name, sub in COMMAND.findall(typed):
        assert name in commands, f"kubeflow-easymaker {name}"
        assert not commands[name] or not sub or sub in commands[name], f"kubeflow-easymaker {name} {sub}"
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(TARGET.findall(typed)) <= targets


def test_readme_lists_every_command() -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## Commands")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `([a-z]+)`", section, re.MULTILINE))
    assert listed == set(typer.main.get_command(cli).commands)


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_variables_of_ours_that_a_page_names_are_known_to_the_code(page: Path) -> None:
    known = {f"EASYMAKER_{name.upper()}" for name in Settings.model_fields}
    known |= {f"EASYMAKER_CLUSTER_{name.upper()}" for name in ClusterSettings.model_fields}
    for path in [
        p
        for folder in ("adapters", "kserve_runtimes", "kfp_components", "tests")
        for p in (ROOT / folder).rglob("*.py")
    ]:
        known |= set(VARIABLE.findall(path.read_text("utf-8")))
    assert set(VARIABLE.findall(page.read_text("utf-8"))) - known == set()


def test_the_launchers_readme_has_every_variable_that_it_sets() -> None:
    directory = ROOT / "kfp_components/easymaker/launcher"
    text = (directory / "README.md").read_text("utf-8")
    for name in ("environment.py", "distributed.py"):
        written = re.findall(
            r'"((?:EM|TF|MASTER|WORLD|NODE|LOCAL)_[A-Z_]+|RANK)"', (directory / name).read_text("utf-8")
        )
        assert [variable for variable in written if variable not in text] == []


def test_readme_shows_every_kind() -> None:
    table = (ROOT / "README.md").read_text("utf-8").partition("## What works today")[2].partition("\n## ")[0]
    assert [kind.title for kind in KINDS if kind.title.lower().removeprefix("endpoint ") not in table] == []


CATALOGUE_ENTRIES = (Flavor, Image, Algorithm, HyperparameterSpec, ModelPreset, ModelPresetMetadata, ParameterSpec)


@pytest.mark.parametrize("entry", CATALOGUE_ENTRIES, ids=lambda entry: entry.__name__)
def test_the_catalogues_page_has_every_field(entry: type[BaseModel]) -> None:
    page = (ROOT / "docs/catalogue.md").read_text("utf-8")
    assert [field.alias for field in entry.model_fields.values() if f"`{field.alias}`" not in page] == []


def test_the_catalogues_example_is_a_catalogue(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/catalogue.md").read_text("utf-8"), re.M | re.S)
    (tmp_path / "catalogue.yaml").write_text(example, "utf-8")
    assert catalogue.load(tmp_path / "catalogue.yaml").algorithms


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_readmes_example_works_as_it_is(installation: Any, tmp_path: Path) -> None:
    """With the SDK as published, but for the length of its pauses, in an environment and a process of its own."""
    text = (ROOT / "README.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.py").write_text(example, "utf-8")
    storage = f"obs://127.0.0.1:{installation.object_storage_port}/v1/AUTH_{tenant_of('local')}/easymaker"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "EM_API_URL": installation.url,
        "EM_TOKEN": installation.token("owner"),
        "EM_GROUP_ID": "local",
        "EM_APPKEY": "local",
        "EM_REGION": "local",
        "REQUESTS_CA_BUNDLE": str(installation.home / "gateway/certificates/ca.pem"),
        "EASYMAKER_OBS_URI": storage,
    }
    done = subprocess.run(
        [sdk_python(), "-c", f"{IMPATIENT}\nimport runpy\nrunpy.run_path('example.py', run_name='__main__')"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("{'predictions': [0, 2]}")
