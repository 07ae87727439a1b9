"""Environments for the programs that a comparison needs and this project does not: made by uv, kept in the cache."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path


def cache() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = home / "kubeflow-easymaker" / "benchmarks"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def python_with(*packages: str) -> Path:
    """The interpreter of an environment with these packages. Raises CalledProcessError where they can't be had."""
    digest = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    directory = cache() / f"environment-{digest}"
    python = directory / "bin" / "python"
    if not (directory / "complete").exists():
        uv = str(Path(sys.executable).with_name("uv"))
        uv = uv if Path(uv).exists() else shutil.which("uv") or uv
        shutil.rmtree(directory, ignore_errors=True)
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(directory)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *packages], check=True)
        (directory / "complete").touch()
    return python
