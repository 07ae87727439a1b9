"""What a step installs is its own, and what all steps share is there for it."""

import json
import subprocess
import sys
from pathlib import Path

from adapters.easymaker.engines.local.pipeline_run import task_venv

SHARED = Path(sys.executable)


def told(programs: Path, code: str) -> object:
    done = subprocess.run([programs / "python3", "-c", code], capture_output=True, text=True, check=True, env={})
    return json.loads(done.stdout)


def test_what_is_shared_can_be_imported_and_what_is_its_own_comes_first(tmp_path: Path) -> None:
    programs = task_venv.make(SHARED, tmp_path / "venv")
    assert programs is not None
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "yaml.py").write_text("own = True\n")
    seen = told(programs, "import json, sys, psutil, yaml; print(json.dumps([sys.prefix, yaml.own, psutil.__file__]))")
    assert isinstance(seen, list)
    assert seen[:2] == [str(tmp_path / "venv"), True]
    assert str(SHARED.parents[1]) in seen[2]


def test_packages_that_the_shared_one_finds_by_path_files_are_found(tmp_path: Path) -> None:
    """An environment of ours adds our own packages so."""
    base = tmp_path / "base"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "overlaid.py").write_text("")
    made = task_venv.make(SHARED, base)
    assert made is not None
    (packages,) = base.glob("lib/python*/site-packages")
    (packages / "overlays.pth").write_text(f"{tmp_path / 'elsewhere'}\n")
    programs = task_venv.make(made / "python3", tmp_path / "venv")
    assert programs is not None
    assert told(programs, "import json, overlaid; print(json.dumps(1))") == 1


def test_where_the_python_is_of_no_environment_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    assert task_venv.make(tmp_path / "bin" / "python3", tmp_path / "venv") is None
    assert not (tmp_path / "venv").exists()
