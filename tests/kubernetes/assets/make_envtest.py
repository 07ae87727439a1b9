"""Provides kube-apiserver and etcd for the tests and prints their directory; exit code 3 says that there is no way.

Takes what is there (KUBEBUILDER_ASSETS, the cache), else what setup-envtest fetches, else builds from Debian's source.
Standard library only, so that it runs before the project's environment exists.
"""

import fcntl
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from debian_build import CannotBuild, build
from installed import cache_directory, complete, installed_assets, server_version

NO_WAY = 3
_SETUP_ENVTEST = "sigs.k8s.io/controller-runtime/tools/setup-envtest@latest"
_FETCH_SECONDS = 600


def main() -> int:
    found = installed_assets()
    if found is None:
        cache_directory().mkdir(parents=True, exist_ok=True)
        with _one_at_a_time():
            # Another process may have made them while this one waited.
            found = installed_assets()
            if found is None:
                try:
                    found = _provide()
                except CannotBuild as reason:
                    advice = "install setup-envtest, or name a directory with both binaries in KUBEBUILDER_ASSETS"
                    print(f"envtest: no kube-apiserver and etcd: {reason}; {advice}", file=sys.stderr)
                    return NO_WAY
    print(found)
    return 0


def _provide() -> Path:
    with tempfile.TemporaryDirectory(prefix=".making-", dir=cache_directory()) as directory:
        work = Path(directory)
        made = _fetched(work)
        if made is None:
            made = work / "made"
            made.mkdir()
            try:
                build(work, made)
            except subprocess.CalledProcessError as error:
                lines = (error.stderr or "").strip().splitlines()[-10:]
                raise CannotBuild(f"{Path(error.cmd[0]).name} failed: {' | '.join(lines)}") from error
        version = ".".join(str(part) for part in server_version(made))
        home = cache_directory() / version
        # An incomplete directory of this version is of no use to anybody.
        shutil.rmtree(home, ignore_errors=True)
        return made.rename(home)


def _fetched(work: Path) -> Path | None:
    """What setup-envtest brings, if it is on the path or Go can install it; None if not."""
    tool = shutil.which("setup-envtest") or _installed_tool(work)
    if tool is None:
        return None
    command = [tool, "use", "--bin-dir", str(work / "fetched"), "-p", "path"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    path = Path(said.stdout.strip())
    if said.returncode or not complete(path):
        return None
    # Delivered read-only, which would stand in the way of moving and of deleting them.
    for each in (path, *path.parents):
        if each == work:
            break
        each.chmod(0o755)
    return path


def _installed_tool(work: Path) -> str | None:
    go = shutil.which("go")
    if go is None:
        return None
    environment = {"PATH": str(Path(go).parent), "HOME": str(work), "GOBIN": str(work), "GOFLAGS": "-modcacherw"}
    try:
        done = subprocess.run(
            [go, "install", _SETUP_ENVTEST], env=environment, capture_output=True, timeout=_FETCH_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return str(work / "setup-envtest") if done.returncode == 0 else None


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (cache_directory() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache_directory().glob(".making-*"):
            # A killed predecessor's: whoever holds the lock is the only maker.
            shutil.rmtree(left, ignore_errors=True)
        yield


if __name__ == "__main__":
    sys.exit(main())
