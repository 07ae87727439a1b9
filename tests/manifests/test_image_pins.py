"""Images are pinned, in one place; training images are those of the catalogue."""

import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from adapters.easymaker import catalogue
from tests.manifests.rendered import MANIFESTS, OVERLAYS, ROOT, Json, build, everything, rendered

PINS = MANIFESTS / "components/images/kustomization.yaml"
PINNED = re.compile(r"^[a-z0-9./_-]+(:[A-Za-z0-9][A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]*|:[0-9])(@sha256:[0-9a-f]{64})?$")


def images(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["image"]] if isinstance(value.get("image"), str) else []
        return own + [each for item in value.values() for each in images(item)]
    return [each for item in value for each in images(item)] if isinstance(value, list) else []


def pins() -> dict[str, str]:
    return {each["name"]: each["newTag"] for each in yaml.safe_load(PINS.read_text("utf-8"))["images"]}


def training_images() -> set[str]:
    return {image.container for image in catalogue.load().images if image.group_type == "TRAINING"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return images(everything(tmp_path_factory.mktemp("everything")))


def test_every_image_is_pinned(installed: list[str]) -> None:
    assert installed
    assert [image for image in installed if not PINNED.match(image) or image.endswith(":latest")] == []


def test_tags_are_in_one_place(installed: list[str]) -> None:
    """And what it pins is used."""
    assert set(installed) - training_images() == {f"{name}:{tag}" for name, tag in pins().items()}
    assert [str(path) for path in sources() for image in images(read(path)) if tagged(image)] == []


def tagged(image: str) -> bool:
    return ":" in image.rpartition("/")[2] and image not in training_images()


def sources() -> list[Path]:
    folders = ("manifests", "kserve_runtimes/serving_runtimes")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.yaml") if path != PINS]


def read(path: Path) -> list[Json]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def test_our_images_have_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert {tag for name, tag in pins().items() if name.startswith("easymaker/")} == {version}


def test_an_operator_can_pull_from_elsewhere(tmp_path: Path) -> None:
    """As docs/platform/install.md says."""
    digest = "sha256:" + "a" * 64
    up = os.path.relpath(MANIFESTS, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(
        f"""
resources: [{up}/overlays/standalone]
images:
  - {{name: easymaker/adapter, newName: registry.example.com/easymaker/adapter, digest: "{digest}"}}
""",
        "utf-8",
    )
    found = images(build(tmp_path))
    assert found.count(f"registry.example.com/easymaker/adapter@{digest}") == 2
    assert not [image for image in found if image.startswith("easymaker/adapter")]


@pytest.mark.parametrize("name", OVERLAYS)
def test_migrations_are_of_the_version_that_serves(name: str) -> None:
    adapters = [image for image in images(list(rendered(name))) if "/adapter" in image]
    assert len(adapters) == 2
    assert len(set(adapters)) == 1
