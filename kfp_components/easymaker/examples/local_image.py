"""What stands in for the training image on a machine without images: an environment with its packages, made once."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kfp_components.easymaker.runs.program import uv_program


class NoEnvironment(Exception):
    """The text has the installer's own words."""


def interpreter(requirements: Sequence[str]) -> Path:
    """An interpreter with these packages, in the user's cache."""
    digest = hashlib.sha256("\n".join((*requirements, sys.version)).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubeflow-easymaker" / "examples"
    directory = cache / digest
    python = directory / "bin" / "python"
    if not (directory / "complete").exists():
        uv = uv_program()
        if uv is None:
            raise NoEnvironment("uv is needed to make an environment for the example's program: pip install uv")
        _run([str(uv), "venv", "--quiet", "--no-project", "--clear", "--python", sys.executable, str(directory)])
        _run([str(uv), "pip", "install", "--quiet", "--python", str(python), *requirements])
        (directory / "complete").touch()
    return python


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoEnvironment(f"{argv[0]} failed: {done.stderr.strip()[-500:]}")
