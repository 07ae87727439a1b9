"""A requirements.txt is installed for this one training; what cannot be installed is said in the installer's words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kfp_components.easymaker.launcher.requirements import last_meaningful
from tests.kfp_components.easymaker.launcher.conftest import UV, Training

PRINT = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in ("iniconfig", "packaging")} | {"in": sys.prefix}))
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """The interpreter of an image's environment with two packages of known versions, and pip."""
    directory = tmp_path / "image"
    subprocess.run([UV, "venv", "--quiet", "--seed", "--python", sys.executable, directory], check=True)
    python = directory / "bin" / "python"
    lock = tmp_path / "lock.txt"
    lock.write_text("iniconfig==2.0.0\npackaging==24.2\n")
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "-r", lock], check=True)
    return python


def test_a_shared_environment_is_not_changed_but_copied(training: Training, environment: Path, tmp_path: Path) -> None:
    training.source(PRINT)
    training.file("source/requirements.txt", "iniconfig==2.1.0\n")
    ended = training.run(python=environment, requirements_lock=tmp_path / "lock.txt", uv=UV)
    assert ended.exit_code == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "iniconfig": "2.1.0",
        "packaging": "24.2",
        "in": str(training.root / "work" / "venv"),
    }
    image = subprocess.run([environment, "-c", PRINT], capture_output=True, check=True)
    assert json.loads(image.stdout)["iniconfig"] == "2.0.0"


def test_in_a_container_pip_changes_the_environment_in_place(training: Training, environment: Path) -> None:
    training.source(PRINT)
    training.file("source/requirements.txt", "iniconfig==2.1.0\n")
    ended = training.run(python=environment)
    assert ended.exit_code == 0, ended.stderr
    seen = json.loads(ended.stdout)
    assert (seen["iniconfig"], seen["in"]) == ("2.1.0", str(environment.parent.parent))


def test_an_image_without_the_lock_that_the_spec_names_takes_the_requirements_in_place(
    training: Training, environment: Path, tmp_path: Path
) -> None:
    """A cluster's specs name the lock for every image; not every image has one."""
    training.source(PRINT)
    training.file("source/requirements.txt", "iniconfig==2.1.0\n")
    ended = training.run(python=environment, requirements_lock=tmp_path / "no-such.lock", uv=tmp_path / "no-such-uv")
    assert ended.exit_code == 0, ended.stderr
    assert json.loads(ended.stdout)["in"] == str(environment.parent.parent)


@pytest.mark.parametrize("with_uv", [True, False])
def test_what_cannot_be_installed_fails_the_training_before_it_starts(
    training: Training, environment: Path, tmp_path: Path, with_uv: bool
) -> None:
    training.source(PRINT)
    training.file("source/requirements.txt", "--no-index\nno-such-package-at-all==1.0\n")
    changes = {"requirements_lock": tmp_path / "lock.txt", "uv": UV} if with_uv else {}
    ended = training.run(python=environment, **changes)
    assert ended.exit_code == 82
    assert ended.last_line.startswith("requirements.txt could not be installed: ")
    assert "no-such-package-at-all" in ended.last_line
    assert ended.stdout == b""


def test_an_environment_without_pip_says_so(training: Training, tmp_path: Path) -> None:
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "bare"], check=True)
    training.source("pass")
    training.file("source/requirements.txt", "iniconfig\n")
    ended = training.run(python=tmp_path / "bare" / "bin" / "python")
    assert ended.exit_code == 82
    assert "No module named pip" in ended.last_line


def test_an_empty_requirements_file_is_no_reason_to_fail(training: Training, environment: Path) -> None:
    training.source("pass")
    training.file("source/requirements.txt", "# nothing yet\n")
    assert training.run(python=environment).exit_code == 0


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["ERROR: No matching distribution found for x\n", "\n", "[notice] update\n"],
         "ERROR: No matching distribution found for x"),
        (["error: Failed to fetch\n", "  cause: outer\n", "  cause: inner\n", "\n", "hint: try x\n"],
         "error: Failed to fetch: inner"),
        (["  × No solution found:\n", "  ╰─▶ Because x was not found, we can conclude …\n"],
         "Because x was not found, we can conclude …"),
        (["something\n", "odd\n"], "odd"),
        ([], "the installer said nothing"),
        (["error: \x1b[31mred\x1b[0m\n"], "error:  [31mred [0m"),
    ],
)  # fmt: skip
def test_the_reason_is_the_installers_own_word_for_it(lines: list[str], says: str) -> None:
    assert last_meaningful(lines) == says
