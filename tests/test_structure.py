"""The shape of the code base: sizes, names and borders that no linter knows of."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.easymaker.kinds import KIND_BY_NAME

ROOT = Path(__file__).parents[1]
SOURCES = ("adapters", "kfp_components", "katib_suggestions", "kserve_runtimes")

FILE_LINES = 500
FUNCTION_LINES = 60
PARAMETERS = 6
# What may be longer, with the reason.
LONG_FILES = {
    str(path.relative_to(ROOT)): "generated, one line per hash" for path in ROOT.glob("requirements/**/*.txt")
}
LONG_FUNCTIONS = {"0001_first.py:upgrade": "a migration lists its columns and is never changed"}
MANY_PARAMETERS: dict[str, str] = {}

TOP_LEVEL = {
    ".ci", ".dockerignore", ".editorconfig", ".gitignore", ".pre-commit-config.yaml",
    "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md",
    "adapters", "benchmarks", "contributing", "docs", "katib_suggestions", "kfp_components", "kserve_runtimes",
    "manifests", "pyproject.toml", "requirements", "tests",
}  # fmt: skip
# In parts, so that this file does not find itself.
MACHINE_PATHS = re.compile("|".join(("/wo" + "rk/", "/ro" + "ot/", "/opt/wh" + "eels", "/home/" + "[a-z]+/")))
LEFTOVERS = re.compile("TO" + "DO|FIX" + "ME|X" + "XX|breakpoint\\(\\)")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}


def tracked(*patterns: str) -> list[Path]:
    """Files under version control, and those that are about to be (so that a run before the commit tells)."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [ROOT / name for name in sorted(set(listed)) if name and (ROOT / name).is_file()]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def sources() -> list[Path]:
    return tracked(*(f"{name}/*.py" for name in SOURCES))


def text_of(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_over_500_lines() -> None:
    found = {shown(path): text_of(path).count("\n") for path in tracked() if shown(path) not in LONG_FILES}
    assert {name: lines for name, lines in found.items() if lines > FILE_LINES} == {}


def test_no_function_is_over_60_lines() -> None:
    found = {f"{path.name}:{node.name}": lines_of(node) for path in tracked("*.py") for node in functions(path)}
    long = {name: lines for name, lines in found.items() if lines > FUNCTION_LINES}
    assert {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS} == {}


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Of a step of a pipeline those of its body, since its parameters and their descriptions are a form."""
    first = node.body[min(1, len(node.body) - 1)].lineno if is_interface_of_a_step(node) else node.lineno
    return (node.end_lineno or node.lineno) - first + 1


def test_no_function_takes_more_than_six_parameters() -> None:
    def count(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        return len([name for name in names if name not in ("self", "cls")])

    found = {
        f"{path.name}:{node.name}": count(node)
        for path in sources()
        for node in functions(path)
        if not is_interface_of_a_step(node)
    }
    many = {name: parameters for name, parameters in found.items() if parameters > PARAMETERS}
    assert {name: parameters for name, parameters in many.items() if name not in MANY_PARAMETERS} == {}


def is_interface_of_a_step(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """KFP reads the inputs and outputs of a component or a pipeline from its parameters: each is a field of a form."""
    names = {ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list}
    return bool(names & {"dsl.component", "dsl.pipeline"})


@pytest.mark.parametrize("layer", ["api", "store", "reconcile"])
def test_no_code_of_a_generic_layer_asks_which_kind_it_has(layer: str) -> None:
    """What one kind needs is a function in its file, what three need is a field of Kind."""
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in tracked(f"adapters/easymaker/{layer}/*.py")
        for node in ast.walk(ast.parse(text_of(path)))
        if asks_for_a_kind(node)
    ]
    assert found == []


def asks_for_a_kind(node: ast.AST) -> bool:
    """A comparison or a match with the name of a kind."""
    if not isinstance(node, ast.Compare | ast.MatchValue):
        return False
    constants = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
    return bool(constants & set(KIND_BY_NAME))


@pytest.mark.parametrize(
    "code",
    [
        "if kind.name == 'training': pass",
        "if 'model' != record.kind: pass",
        "if kind.name in ('endpoint', 'endpoint-stage'): pass",
        "match kind.name:\n    case 'experiment': pass",
    ],
)
def test_the_search_for_kinds_finds_them(code: str) -> None:
    assert any(asks_for_a_kind(node) for node in ast.walk(ast.parse(code)))


def test_modules_are_named_for_their_subject() -> None:
    vague = [shown(path) for path in tracked("*.py") if VAGUE & {path.stem, *path.relative_to(ROOT).parts[:-1]}]
    assert vague == []


def test_every_module_says_why_it_is_there() -> None:
    def silent(path: Path) -> bool:
        tree = ast.parse(text_of(path))
        return bool(tree.body) and ast.get_docstring(tree) is None

    assert [shown(path) for path in tracked("*.py") if silent(path)] == []


def test_the_driver_contract_states_every_method() -> None:
    """Whoever writes an engine reads engines/base.py and nothing else."""
    path = ROOT / "adapters/easymaker/engines/base.py"
    contracts = ("Driver", "SupportsRelease", "SupportsLogs", "SupportsReports")
    silent = [
        f"{owner.name}.{method.name}"
        for owner in ast.parse(text_of(path)).body
        if isinstance(owner, ast.ClassDef) and owner.name in contracts
        for method in owner.body
        if isinstance(method, ast.FunctionDef) and ast.get_docstring(method) is None
    ]
    assert silent == []


def test_a_kind_fits_on_a_few_screens() -> None:
    kinds = [ROOT / "adapters/easymaker/kinds" / f"{name.replace('-', '_')}.py" for name in KIND_BY_NAME]
    assert {shown(path): n for path in kinds if (n := text_of(path).count("\n")) > 200} == {}


def test_top_level_names_are_the_known_ones() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP_LEVEL


def test_namespaces_that_others_own_have_no_init() -> None:
    """PyPI has distributions that own the import names adapters and kfp_components; tests must not shadow ours."""
    forbidden = [ROOT / "adapters/__init__.py", ROOT / "kfp_components/__init__.py", *tracked("tests/**/__init__.py")]
    assert [shown(path) for path in forbidden if path.exists()] == []


def test_names_of_test_files_are_unique() -> None:
    names = [path.name for path in tracked("tests/**/test_*.py", "tests/test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, LEFTOVERS], ids=["machine paths", "leftovers"])
def test_no_file_holds(pattern: re.Pattern[str]) -> None:
    found = [
        f"{shown(path)}:{number}"
        for path in tracked()
        if shown(path) not in LONG_FILES
        for number, line in enumerate(text_of(path).split("\n"), 1)
        if pattern.search(line)
    ]
    assert found == []
