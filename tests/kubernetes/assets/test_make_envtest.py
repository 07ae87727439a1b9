"""``make envtest`` takes what is there at once, and says in one line when there is no way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kubernetes.assets.debian_build import archive_entries
from tests.kubernetes.assets.installed import BINARIES

SCRIPT = Path(__file__).parent / "make_envtest.py"


def made(**environment: Path) -> "subprocess.CompletedProcess[str]":
    """Without PATH, so that neither setup-envtest nor apt is found."""
    base = {key: value for key, value in os.environ.items() if key not in ("PATH", "KUBEBUILDER_ASSETS")}
    variables = {**base, "PATH": "", **{key: str(value) for key, value in environment.items()}}
    return subprocess.run([sys.executable, SCRIPT], env=variables, capture_output=True, text=True, timeout=60)


def provide(directory: Path) -> Path:
    directory.mkdir(parents=True)
    for name in BINARIES:
        (directory / name).touch(0o755)
    return directory


def test_the_named_directory_comes_before_the_cache(tmp_path: Path) -> None:
    named = provide(tmp_path / "named")
    provide(tmp_path / "kubeflow-easymaker/envtest/1.30.0")

    done = made(KUBEBUILDER_ASSETS=named, XDG_CACHE_HOME=tmp_path)

    assert (done.returncode, done.stdout.strip()) == (0, str(named))


def test_the_newest_of_the_cache_is_taken(tmp_path: Path) -> None:
    cache = tmp_path / "kubeflow-easymaker/envtest"
    for version in ("1.9.0", "1.36.1", "1.20.2"):
        provide(cache / version)
    (cache / "1.40.0").mkdir()

    done = made(XDG_CACHE_HOME=tmp_path)

    assert (done.returncode, done.stdout.strip()) == (0, str(cache / "1.36.1"))


def test_no_way_is_said_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = made(XDG_CACHE_HOME=tmp_path)

    assert done.returncode == 3
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "KUBEBUILDER_ASSETS" in done.stderr
    assert [path.name for path in (tmp_path / "kubeflow-easymaker/envtest").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sources.list", "deb [arch=amd64 signed-by=/keys/a.gpg] http://mirror.test/debian trixie main contrib\n"),
        ("sources.list.d/a.sources", "Types: deb\nURIs: http://mirror.test/debian/\nSuites: trixie trixie-updates\n"
         "Components: main\nSigned-By: /keys/a.gpg\n"),
    ],
)  # fmt: skip
def test_only_the_main_archive_is_asked_for_sources(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    others = "deb http://mirror.test/security trixie-security main\n# deb http://x.test/ trixie main\n"
    (tmp_path / "sources.list.d/others.list").write_text(others + "deb http://vendor.test/ trixie stable\n")

    entries = archive_entries(tmp_path)

    address = "http://mirror.test/debian"
    expected = [f"{kind} [signed-by=/keys/a.gpg] {address} bookworm main" for kind in ("deb", "deb-src")]
    assert [entry.replace("/debian/", "/debian") for entry in entries] == expected
