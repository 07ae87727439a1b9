"""The catalogue of crash points and the source agree: no dead point, and no effect that a kill cannot be put beside."""

import ast
from pathlib import Path

import pytest

import adapters.easymaker
from adapters.easymaker.crash_points import POINTS

ROOT = Path(adapters.easymaker.__file__).parent

# Where the adapter changes something outside its own memory: (file, function, effect, points around it). An effect is
# the name of a call; everything that the engine's drivers do lies within the four calls of the reconcile loop.
EFFECTS = (
    ("api/service.py", "_create", "create", ("api.before_commit", "api.after_commit")),
    ("api/service.py", "delete", "request_delete", ("api.before_commit", "api.after_commit")),
    ("api/service.py", "act", "change", ("api.before_commit", "api.after_commit")),
    ("reconcile/look.py", "_act", "start", ("reconcile.before_act", "reconcile.after_act")),
    ("reconcile/look.py", "_act", "stop", ("reconcile.before_act", "reconcile.after_act")),
    ("reconcile/look.py", "_act", "release", ("reconcile.before_act", "reconcile.after_act")),
    ("reconcile/look.py", "_act", "remove", ("reconcile.before_act", "reconcile.after_act")),
    ("reconcile/loop.py", "_reconcile", "apply", ("reconcile.before_apply", "reconcile.after_apply")),
    ("reconcile/loop.py", "_reconcile", "forget", ("reconcile.before_apply", "reconcile.after_apply")),
    ("engines/local/processes/runner.py", "start", "_spawn", ("process.before_spawn", "process.after_spawn")),
    ("engines/local/processes/runner.py", "stop", "_signal_wrapper", ("process.before_signal",)),
    ("engines/local/processes/runner.py", "remove", "_retire", ("process.before_remove", "process.after_remove")),
    ("engines/local/gateway/gateway.py", "_render", "_replace", ("gateway.before_publish", "gateway.after_publish")),
)


def calls(tree: ast.AST) -> list[tuple[str, int, str]]:
    """(name, line, first argument if it is a text) of every call."""
    found: list[tuple[str, int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0] if node.args else None
            text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            found.append((name, node.lineno, text))
    return found


def functions(file: str, name: str) -> list[ast.FunctionDef]:
    tree = ast.parse((ROOT / file).read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]


def test_every_point_is_in_the_source_and_no_other() -> None:
    used: set[str] = set()
    for path in ROOT.rglob("*.py"):
        if path.name != "crash_points.py":
            used |= {text for name, _, text in calls(ast.parse(path.read_text())) if name == "crash_point"}
    assert used == set(POINTS)


@pytest.mark.parametrize(("file", "function", "effect", "points"), EFFECTS)
def test_every_effect_lies_beside_its_crash_points(
    file: str, function: str, effect: str, points: tuple[str, ...]
) -> None:
    (found,) = functions(file, function)
    made = calls(found)
    where = {text: line for name, line, text in made if name == "crash_point"}
    lines = [line for name, line, _ in made if name == effect]
    assert lines, f"{function} does not call {effect} any more"
    assert set(points) <= set(where)
    for point in points:
        # The effect of a transaction is its commit: the point before that follows its statements.
        before = ".before_" in point and point != "api.before_commit"
        assert all(where[point] < line if before else line < where[point] for line in lines), point
