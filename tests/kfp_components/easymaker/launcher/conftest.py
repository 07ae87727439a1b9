"""A training as its launcher sees it: a NAS directory with a source, a spec file, a real launcher process."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kfp_components.easymaker.launcher.spec import LauncherSpec

DEADLINE = 90.0
UV = Path(sys.executable).with_name("uv")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """The first true value of ``condition``; fails when there is none in time."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")


def is_alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state != b"Z"


@dataclass
class Ended:
    exit_code: int
    stdout: bytes
    stderr: str
    status: dict[str, Any]

    @property
    def last_line(self) -> str:
        return self.stderr.rstrip("\n").rsplit("\n", 1)[-1]


@dataclass
class Training:
    """Write files below ``nas``, then ``run`` or ``start`` a launcher on them."""

    root: Path
    environ: dict[str, str]
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def nas(self) -> Path:
        return self.root / "nas" / "vol"

    @property
    def model(self) -> Path:
        return self.nas / "out" / "model"

    def source(self, text: str, name: str = "train.py") -> None:
        self.file(f"source/{name}", text)

    def file(self, path: str, content: str | bytes) -> Path:
        file = self.nas / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def spec(self, **changes: Any) -> LauncherSpec:
        values: dict[str, Any] = {
            "id": "training-1",
            "name": "first",
            "appkey": "team-a",
            "region": "kr1",
            "source_dir_uri": "nas://vol:/source",
            "entry_point": "train.py",
            "work_dir": self.root / "work",
            "status_path": self.root / "status.json",
            "model_upload_uri": "nas://vol:/out/model",
            "stop_grace_seconds": 5.0,
        }
        return LauncherSpec(**(values | changes))

    def start(
        self, spec: LauncherSpec, environ: dict[str, str] | None = None, arguments: tuple[str, ...] = ()
    ) -> "subprocess.Popen[bytes]":
        file = self.root / f"spec-{len(self.started)}.json"
        file.write_text(spec.to_json(), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "kfp_components.easymaker.launcher", str(file), *arguments],
            env=self.environ | (environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=(self.root / f"stdout-{len(self.started)}").open("wb"),
            stderr=(self.root / f"stderr-{len(self.started)}").open("wb"),
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def wait(self, process: "subprocess.Popen[bytes]", spec: LauncherSpec) -> Ended:
        code = process.wait(timeout=2 * DEADLINE)
        number = self.started.index(process)
        return Ended(
            exit_code=code,
            stdout=(self.root / f"stdout-{number}").read_bytes(),
            stderr=(self.root / f"stderr-{number}").read_text(errors="replace"),
            status=self.status(spec),
        )

    def run(self, environ: dict[str, str] | None = None, **changes: Any) -> Ended:
        spec = self.spec(**changes)
        return self.wait(self.start(spec, environ), spec)

    def output(self, number: int = 0) -> str:
        """What the launcher and its children have written to stdout so far."""
        return (self.root / f"stdout-{number}").read_text(errors="replace")

    @staticmethod
    def status(spec: LauncherSpec) -> dict[str, Any]:
        return json.loads(spec.status_path.read_text()) if spec.status_path.exists() else {}


def _environ(root: Path) -> dict[str, str]:
    passed = (
        "PATH",
        "HOME",
        "LANG",
        "PYTHONPATH",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "UV_FIND_LINKS",
        "UV_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_CACHE_DIR",
    )
    environ = {name: os.environ[name] for name in passed if name in os.environ}
    environ |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return environ | {"EASYMAKER_NAS_ROOT": str(root / "nas")}


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    (tmp_path / "nas" / "vol").mkdir(parents=True)
    training = Training(tmp_path, _environ(tmp_path))
    yield training
    for process in training.started:
        if process.poll() is None:
            process.kill()
            process.wait()


def cached_environment(name: str, *requirements: str) -> Path:
    """The interpreter of an environment with these packages, built once and kept in the cache directory."""
    cache = Path(os.environ.get("EASYMAKER_CACHE", "~/.cache/kubeflow-easymaker")).expanduser() / "tests"
    cache.mkdir(parents=True, exist_ok=True)
    directory = cache / f"launcher-{name}"
    python, built = directory / "bin" / "python", directory / "built-with.txt"
    with (cache / f"launcher-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists() or built.read_text() != repr(requirements):
            links = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS")
            environ = os.environ | ({"UV_FIND_LINKS": links} if links else {})
            subprocess.run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, directory], check=True)
            install = [UV, "pip", "install", "--quiet", "--python", python, *requirements]
            ended = subprocess.run(install, env=environ, capture_output=True, text=True)
            if ended.returncode != 0:
                pytest.skip(f"{requirements} cannot be installed here ({links=}): {ended.stderr.strip()[-300:]}")
            built.write_text(repr(requirements))
    return python
