"""How limits are put in force on this machine, found out by trying, and told as it is."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.engines.local.processes.sandbox import bubblewrap

_GENEROUS_BYTES = str(1 << 40)


@dataclass(frozen=True)
class CgroupPlace:
    """A control group below which this user may make groups with a memory limit."""

    parent: str
    version: int


def enforcement() -> dict[str, str]:
    """One line per limit, for `doctor` and for users."""
    place = cgroup_place()
    if place is not None:
        memory = f"cgroup v{place.version}"
    else:
        memory = "sampling every 0.25 s (no cgroup that this user may create)"
    if bubblewrap() is not None:
        sandbox = "bubblewrap"
    elif shutil.which("bwrap"):
        sandbox = "none (bubblewrap is installed, but this user may not run it: allow user namespaces)"
    else:
        sandbox = "none (install bubblewrap)"
    return {
        "cpu": f"CPU affinity ({len(os.sched_getaffinity(0))} CPUs on this machine)",
        "memory": memory,
        "disk": "size of the job's directory measured about every second, and a limit per file",
        "time": "SIGTERM, then SIGKILL after the grace period",
        "sandbox": sandbox,
    }


@functools.cache
def cgroup_place() -> CgroupPlace | None:
    """The first place where making a group, limiting it and moving a process there really works."""
    return next((place for place in _candidates() if _works(place)), None)


def _candidates() -> Iterator[CgroupPlace]:
    mounts = _cgroup_mounts()
    for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        number, controllers, own = line.split(":", 2)
        if number == "0" and 2 in mounts:
            yield from _unified_candidates(mounts[2], own)
        elif "memory" in controllers.split(",") and 1 in mounts:
            for path in (own, "/"):
                yield CgroupPlace(str(mounts[1] / path.lstrip("/")), 1)


def _unified_candidates(mount: Path, own: str) -> Iterator[CgroupPlace]:
    """Version 2 has no limits below a group that itself holds processes: look beside our own group, then further up."""
    group = mount / own.lstrip("/")
    while group != mount.parent:
        if "memory" in _text(group / "cgroup.subtree_control").split():
            yield CgroupPlace(str(group), 2)
        group = group.parent


def _cgroup_mounts() -> dict[int, Path]:
    """Where the memory controller of version 1 and the tree of version 2 are mounted."""
    mounts: dict[int, Path] = {}
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _, path, kind, options = line.split()[:4]
        if kind == "cgroup2":
            mounts.setdefault(2, Path(path))
        elif kind == "cgroup" and "memory" in options.split(","):
            mounts.setdefault(1, Path(path))
    return mounts


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def _works(place: CgroupPlace) -> bool:
    group = Path(place.parent) / f"easymaker-probe-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        return False
    try:
        limit = "memory.limit_in_bytes" if place.version == 1 else "memory.max"
        (group / limit).write_text(_GENEROUS_BYTES, encoding="ascii")
        return _can_hold_a_process(group)
    except OSError:
        return False
    finally:
        group.rmdir()


def _can_hold_a_process(group: Path) -> bool:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as probe:
        try:
            (group / "cgroup.procs").write_text(str(probe.pid), encoding="ascii")
        except OSError:
            return False
        finally:
            probe.kill()
            probe.wait()
    return True
