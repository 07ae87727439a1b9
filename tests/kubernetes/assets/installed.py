"""Where kube-apiserver and etcd lie: named by KUBEBUILDER_ASSETS, or in the user's cache. Standard library only."""

import os
import re
import subprocess
from pathlib import Path

BINARIES = ("kube-apiserver", "etcd")
_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


def cache_directory() -> Path:
    """One directory per Kubernetes version lies below it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kubeflow-easymaker" / "envtest"


def complete(directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in BINARIES)


def installed_assets() -> Path | None:
    """The directory with both binaries: the one the user named, else the newest of the cache."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if named and complete(Path(named)):
        return Path(named)
    cached = cache_directory()
    found = [each for each in cached.iterdir() if each.name[0].isdigit() and complete(each)] if cached.is_dir() else []
    return max(found, key=_order, default=None)


def server_version(directory: Path) -> tuple[int, int, int]:
    """What the kube-apiserver there says of itself."""
    said = subprocess.run([directory / "kube-apiserver", "--version"], capture_output=True, text=True, check=True)
    found = _VERSION.search(said.stdout)
    if found is None:
        raise ValueError(f"no version in {said.stdout!r}")
    return int(found[1]), int(found[2]), int(found[3])


def _order(directory: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", directory.name))
