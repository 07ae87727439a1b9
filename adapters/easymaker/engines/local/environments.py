"""Virtual environments by content: the same requirements are built once per machine, by uv, and then shared.

An environment is built at its final path (a virtual environment cannot be moved) under a lock, and counts as ready only
when its marker is written, last. The uv process inherits the lock, so a build whose adapter was killed is waited for
and then done again, never written into by two.
"""

import contextlib
import fcntl
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from adapters.easymaker.errors import PermanentEngineError

Progress = Callable[[str], None]

_READY = "ready.json"
_LOCK_FILE = "requirements.lock"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# What uv may need of the adapter's environment; a package's build script must not see the rest.
_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LC_.*|TMPDIR|XDG_.*|UV_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|.*_proxy|CC|CXX|NETRC",
    re.IGNORECASE,
)
_REASON_LENGTH = 600


class EnvironmentBuildError(PermanentEngineError):
    """An environment could not be built; the message says which and ends with what uv had to say."""


@dataclass(frozen=True)
class EnvironmentSpec:
    name: str
    requirements: tuple[str, ...]
    """Lines as in a requirements file, with or without hashes."""
    overlays: tuple[Path, ...] = ()
    """Package directories of ours, copied in and importable under their own name."""
    python: str = "3.11"


class Environments:
    """All environments below one cache directory, which may be shared by any number of adapters."""

    def __init__(self, cache_dir: Path) -> None:
        self._root = cache_dir.absolute() / "environments"

    def python(self, spec: EnvironmentSpec) -> Path | None:
        """The interpreter of the environment, if that is ready."""
        directory = self._directory(spec)
        return directory / "bin" / "python" if (directory / _READY).exists() else None

    def lock_file(self, spec: EnvironmentSpec) -> Path:
        """Every package of the ready environment with its exact version."""
        return self._directory(spec) / _LOCK_FILE

    def ensure(self, spec: EnvironmentSpec, on_progress: Progress | None = None) -> Path:
        """The interpreter of the environment, built first if need be, which may take minutes.

        Raises EnvironmentBuildError; nothing of a failed build stays, and a later call tries again.
        """
        ready = self.python(spec)
        if ready is not None:
            return ready
        report = on_progress or (lambda _: None)
        directory = self._directory(spec)
        with _locked(directory.with_name(directory.name + ".lock"), report) as lock:
            if self.python(spec) is None:
                _Build(spec, directory, lock, report).run()
        return directory / "bin" / "python"

    def _directory(self, spec: EnvironmentSpec) -> Path:
        if not _NAME.fullmatch(spec.name):
            raise ValueError(f"{spec.name!r} is no environment name")
        return self._root / f"{spec.name}-{key(spec)}"


def key(spec: EnvironmentSpec) -> str:
    """Changes with everything that the environment's content depends on."""
    digest = sha256(json.dumps([spec.requirements, spec.python, platform.machine()]).encode())
    for overlay in spec.overlays:
        digest.update(f"\n{overlay.name}\n".encode())
        for path in _files(overlay):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(overlay)} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()[:16]


def _files(overlay: Path) -> list[Path]:
    return sorted(path for path in overlay.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


@contextlib.contextmanager
def _locked(path: Path, report: Progress) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another build of the same environment")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


@dataclass(frozen=True)
class _Build:
    """One attempt, under the lock."""

    spec: EnvironmentSpec
    directory: Path
    lock: int
    report: Progress

    def run(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        try:
            self._make()
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise

    def _make(self) -> None:
        python = str(self.directory / "bin" / "python")
        self._uv("venv", "--python", _interpreter(self.spec.python), str(self.directory))
        if self.spec.requirements:
            requirements = self.directory / "requirements.txt"
            requirements.write_text("\n".join(self.spec.requirements) + "\n", encoding="utf-8")
            self._uv("pip", "install", "--python", python, "--requirements", str(requirements))
        self._add_overlays()
        frozen = self._uv("pip", "freeze", "--python", python)
        (self.directory / _LOCK_FILE).write_text(frozen, encoding="utf-8")
        marker = self.directory / f"{_READY}.tmp"
        marker.write_text(json.dumps({"name": self.spec.name, "python": self.spec.python}), encoding="utf-8")
        marker.rename(self.directory / _READY)

    def _add_overlays(self) -> None:
        overlays = self.directory / "overlays"
        for overlay in self.spec.overlays:
            shutil.copytree(overlay, overlays / overlay.name, ignore=shutil.ignore_patterns("__pycache__"))
        if self.spec.overlays:
            (site_packages,) = (self.directory / "lib").glob("python*/site-packages")
            (site_packages / "easymaker-overlays.pth").write_text(f"{overlays}\n", encoding="utf-8")

    def _uv(self, *arguments: str) -> str:
        """uv's standard output; what it says about its progress goes to the caller line by line."""
        from uv import find_uv_bin

        said: list[str] = []
        with subprocess.Popen(
            [find_uv_bin(), "--no-progress", "--color", "never", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=uv_environment(os.environ),
            pass_fds=(self.lock,),
            start_new_session=True,
        ) as uv:
            assert uv.stdout is not None
            assert uv.stderr is not None
            try:
                # Only `freeze` prints to stdout, and less than a pipe holds before it has said all on stderr.
                for line in uv.stderr:
                    said.append(line.rstrip())
                    self.report(line.strip())
                output = uv.stdout.read()
            except BaseException:
                os.killpg(uv.pid, signal.SIGKILL)
                raise
        if uv.returncode != 0:
            why = reason(said).replace(f"{self.directory}/", "")
            raise EnvironmentBuildError(f"the environment {self.spec.name} could not be built: {why}")
        return output


def uv_environment(environ: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """What uv gets to see. It does not read pip's variables; a directory of wheels set for pip is meant for it too."""
    passed = {name: value for name, value in environ.items() if _PASSED_ON.fullmatch(name)}
    if "UV_FIND_LINKS" not in passed and environ.get("PIP_FIND_LINKS"):
        passed["UV_FIND_LINKS"] = ",".join(environ["PIP_FIND_LINKS"].split())
    return passed


def reason(said: list[str]) -> str:
    """uv's error in one line: from its first error mark on, without the drawing around it."""
    marks = [i for i, line in enumerate(said) if re.match(r"\s*(error:|×|x )", line)]
    words = " ".join(said[marks[0] :] if marks else said[-1:])
    words = re.sub(r"\s*[├╰]─▶\s*", ": ", words)
    sentence = re.sub(r"[\s│×]+", " ", words).strip().removeprefix("error: ").replace(" cause: ", ": ")
    return sentence[:_REASON_LENGTH] or "uv gave no reason"


def _interpreter(version: str) -> str:
    """Our own interpreter where it fits: it is there. Otherwise uv looks for one, or gets one."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sys.executable if version == own else version
