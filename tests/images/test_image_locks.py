"""Each image has a lock of its own: whole, hashed, in step with pyproject.toml, the catalogue and the main lock."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from adapters.easymaker import catalogue
from kserve_runtimes.models.mlserver_command import REQUIREMENTS
from tests.images.dockerfiles import ROOT

FOLDER = ROOT / "requirements/images"
LOCKS = sorted(FOLDER.glob("*.txt"))
# Where the images of a lock come from in the catalogue.
TRAININGS = {
    "python-train": ("easymaker/python-train",),
    "pytorch-train": ("easymaker/pytorch-train",),
    "tensorflow-train-cpu": ("easymaker/tensorflow-train", "-cpu-"),
    "tensorflow-train-gpu": ("easymaker/tensorflow-train", "-gpu-"),
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# The lock is for Linux and the Python of the images; other lines are for nobody.
MARKERS = {"python_full_version": "3.11.9", "python_version": "3.11", "sys_platform": "linux"}


def pins(lock: Path) -> dict[str, str]:
    """Exact versions by package, of the lines that hold in the image."""
    found = {}
    for line in re.sub(r"\\\n\s*", " ", lock.read_text("utf-8")).splitlines():
        if not line or line.lstrip().startswith("#"):
            continue
        requirement = Requirement(line.partition(" --hash")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(dict(MARKERS)):
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            found[canonicalize_name(requirement.name)] = specifier.version
    return found


def requirements(lines: list[str]) -> list[Requirement]:
    return [Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-"))]


def of_extra(name: str) -> list[Requirement]:
    """What an extra asks for, with the extras that it includes."""
    found = []
    for requirement in requirements(PROJECT["optional-dependencies"][name]):
        if requirement.name == PROJECT["name"]:
            found += [each for extra in requirement.extras for each in of_extra(extra)]
        else:
            found.append(requirement)
    return found


def missing(wanted: list[Requirement], lock: Path) -> list[str]:
    held = pins(lock)
    return [
        str(each)
        for each in wanted
        if not each.specifier.contains(held.get(canonicalize_name(each.name), "0"), prereleases=True)
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text("utf-8")
    entries = [line for line in re.sub(r"\\\n\s*", " ", text).splitlines() if re.match(r"[a-z0-9]", line)]
    assert entries
    assert [line.split(" ")[0] for line in entries if "--hash=sha256:" not in line] == []
    assert "://" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize(
    ("lock", "extra"),
    [
        ("adapter", "cluster"),
        ("katib-suggestions", "suggestions"),
        ("storage-initializer", "storage"),
        ("python-components", "components"),
        *((f"{name}-components", "components") for name in TRAININGS),
        *((name, "launcher") for name in TRAININGS),
    ],
)
def test_a_lock_holds_what_its_part_needs(lock: str, extra: str) -> None:
    assert missing(of_extra(extra), FOLDER / f"{lock}.txt") == []


@pytest.mark.parametrize("lock", ["adapter", "build", "katib-suggestions", "python-components", "storage-initializer"])
def test_an_image_has_the_versions_that_the_tests_run_with(lock: str) -> None:
    tested = pins(ROOT / "requirements/lock.txt")
    differing = {name: version for name, version in pins(FOLDER / f"{lock}.txt").items() if tested[name] != version}
    assert differing == {}


def test_the_adapters_image_leaves_out_the_local_engine() -> None:
    local = {canonicalize_name(each.name) for each in of_extra("local")} - {
        canonicalize_name(each.name) for each in of_extra("cluster")
    }
    # Needed by others as well.
    shared = {"cryptography"}
    assert local - shared
    assert (local - shared) & set(pins(FOLDER / "adapter.txt")) == set()


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_image_is_what_the_catalogue_says(name: str) -> None:
    """So that a training finds the same on a cluster as on one machine."""
    listed = [image for image in catalogue.load().images if all(part in image.container for part in TRAININGS[name])]
    assert listed
    asked = requirements((FOLDER / f"{name}.in").read_text("utf-8").splitlines())
    for image in listed:
        expected = {(each.name, str(each.specifier)) for each in requirements(list(image.requirements))}
        assert {(each.name, str(each.specifier)) for each in asked} == expected, image.image_name
    assert missing(asked, FOLDER / f"{name}.txt") == []
    assert missing(asked, FOLDER / f"{name}-components.txt") == []


def test_the_model_server_is_the_one_of_one_machine() -> None:
    for file in REQUIREMENTS.values():
        assert missing(requirements(file.read_text("utf-8").splitlines()), FOLDER / "mlserver.txt") == []


def test_models_are_unpickled_by_the_version_that_wrote_them() -> None:
    trained, served = pins(FOLDER / "python-train.txt"), pins(FOLDER / "mlserver.txt")
    for name in ("scikit-learn", "numpy", "scipy", "joblib", "pandas"):
        assert trained[name] == served[name]
