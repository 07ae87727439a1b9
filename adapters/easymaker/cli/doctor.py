"""`doctor`: what this machine lacks, with one remedy a line. Looks, and leaves nothing behind."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from adapters.easymaker.cli import output, ports
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import Format
from adapters.easymaker.engines.local.object_storage.layout import require_xattr
from adapters.easymaker.engines.local.processes import enforcement
from adapters.easymaker.errors import EasyMakerError

OLDEST, NEWEST = (3, 11), (3, 12)
DISK_GB = 10
MEMORY_GIB = 4
GB = 1000**3
GIB = 1024**3
OWN_DIRECTORY = "set EASYMAKER_HOME to a directory of yours"
OWN_GROUP = "run it where this user may make control groups: systemd-run --user --scope -p Delegate=yes"


@dataclass(frozen=True)
class Check:
    """``state``: ok; advice: works, but not as well as it could; missing: does not work without."""

    name: str
    state: str
    found: str
    remedy: str = ""


def doctor(installation: Installation, form: Format) -> bool:
    """Print all checks; whether nothing is missing."""
    checks = list(examine(installation))
    good = all(check.state != "missing" for check in checks)
    if form is Format.JSON:
        output.print_json({"ok": good, "checks": [asdict(check) for check in checks]})
        return good
    console = output.out()
    console.print(output.table({"name": "CHECK", "state": "STATE", "found": "FOUND"}, [asdict(c) for c in checks]))
    remedies = [check for check in checks if check.remedy]
    if remedies:
        console.print()
    for check in remedies:
        console.print(f"{check.name}: {check.remedy}", markup=False)
    return good


def examine(installation: Installation) -> Iterator[Check]:
    yield _system()
    yield _python()
    yield _uv()
    place = _existing(installation.root)
    yield _writable(installation, place)
    yield _disk(place, "disk space of EASYMAKER_HOME")
    yield _disk(_existing(installation.settings.cache_dir), "disk space of EASYMAKER_CACHE")
    yield _attributes(place)
    yield from _ports(installation)
    yield _memory()
    yield from _limits()


def _system() -> Check:
    system = f"{os.uname().sysname} {os.uname().machine}"
    if sys.platform == "linux":
        return Check("operating system", "ok", system)
    return Check("operating system", "missing", system, "run it on Linux (a virtual machine or WSL 2 will do)")


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return Check("Python", "ok", version)
    return Check("Python", "missing", version, "install Python 3.11 or 3.12 and set up again with `make PYTHON=…`")


def _uv() -> Check:
    try:
        from uv import find_uv_bin

        return Check("uv", "ok", str(find_uv_bin()))
    except (ImportError, FileNotFoundError):
        return Check("uv", "missing", "not found", "install it: pip install 'kubeflow-easymaker[local]'")


def _existing(path: Path) -> Path:
    """The directory itself, or the nearest one above it that is there."""
    return next(candidate for candidate in (path, *path.parents) if candidate.is_dir())


def _writable(installation: Installation, place: Path) -> Check:
    name = "EASYMAKER_HOME"
    clear = installation.root.exists() and not installation.root.is_dir()
    if os.access(place, os.W_OK | os.X_OK) and not clear:
        return Check(name, "ok", str(installation.root))
    return Check(name, "missing", f"{installation.root} cannot be written", OWN_DIRECTORY)


def _disk(place: Path, name: str) -> Check:
    free = shutil.disk_usage(place).free / GB
    found = f"{free:.0f} GB free at {place}"
    if free >= DISK_GB:
        return Check(name, "ok", found)
    state = "missing" if free < 1 else "advice"
    return Check(name, state, found, f"free some: environments and models want {DISK_GB} GB or more")


def _attributes(place: Path) -> Check:
    name = "extended attributes"
    try:
        require_xattr(place)
    except OSError as error:
        return Check(name, "missing", f"{place}: {error.strerror}", OWN_DIRECTORY)
    except EasyMakerError:
        remedy = "set EASYMAKER_HOME to a directory on ext4, xfs or btrfs"
        return Check(name, "missing", f"not supported at {place}: the object storage cannot keep its data", remedy)
    return Check(name, "ok", f"supported at {place}")


def _ports(installation: Installation) -> Iterator[Check]:
    if problem := ports.clash(installation):
        yield Check("ports", "missing", "the settings clash", problem)
    for use in ports.look(installation):
        name = f"port {use.port}"
        if use.problem:
            yield Check(name, "missing", f"taken ({use.purpose})", use.problem)
        else:
            yield Check(name, "ok", f"{'ours' if use.ours else 'free'} ({use.purpose})")


def _memory() -> Check:
    free = psutil.virtual_memory().available / GIB
    found = f"{free:.1f} GiB available"
    if free >= MEMORY_GIB:
        return Check("memory", "ok", found)
    remedy = f"end other programs: trainings and model servers want {MEMORY_GIB} GiB or more"
    return Check("memory", "advice", found, remedy)


def _limits() -> Iterator[Check]:
    """How jobs are confined here; all of it optional."""
    means = enforcement()
    memory = means["memory"].startswith("cgroup")
    remedy = "" if memory else OWN_GROUP
    yield Check("memory limits", "ok" if memory else "advice", means["memory"], remedy)
    sandboxed = means["sandbox"] == "bubblewrap"
    remedy = "" if sandboxed else _sandbox_remedy(means["sandbox"])
    yield Check("sandbox for jobs", "ok" if sandboxed else "advice", means["sandbox"], remedy)
    yield Check("CPU limits", "ok", means["cpu"])
    yield Check("disk limits", "ok", means["disk"])


def _sandbox_remedy(found: str) -> str:
    if "namespaces" in found:
        return "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1; Ubuntu 24.04: an AppArmor profile"
    return "install the package bubblewrap; without it jobs see the files that you see"
