"""What the catalogue and the settings give to a job on one machine: its environment and its limits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.easymaker.catalogue import Catalogue, Flavor, Image
from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.engines.local.launcher_runs import Work
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Record
from adapters.easymaker.settings import Settings

GB = 1000**3
MIB = 1024**2


@dataclass(frozen=True)
class JobResources:
    """Of one record; ``what`` is its kind in the words of a message."""

    record: Record
    what: str
    catalogue: Catalogue
    settings: Settings

    def image(self) -> Image:
        image = self.catalogue.images_by_id.get(self.record.spec["imageId"])
        if image is None:
            raise PermanentEngineError(f"the {self.what}'s image is no longer in the catalogue")
        if not image.requirements:
            raise PermanentEngineError(f"image {image.image_name} has no requirements: it cannot run on one machine")
        return image

    def flavor(self) -> Flavor:
        flavor = self.catalogue.flavors_by_id.get(self.record.spec["flavorId"])
        if flavor is None:
            raise PermanentEngineError(f"the {self.what}'s flavor is no longer in the catalogue")
        if flavor.gpu_flavor and not Path("/dev/nvidia0").exists():
            raise PermanentEngineError(f"flavor {flavor.name} needs a GPU, and this machine has none")
        return flavor

    def environment(self) -> EnvironmentSpec:
        image = self.image()
        return EnvironmentSpec(_slug(image.image_name), image.requirements)

    def work(self, environments: Environments, launcher: dict[str, Any]) -> Work | None:
        """None as long as the environment has not been built. ``launcher`` are fields of its LauncherSpec."""
        spec, flavor = self.environment(), self.flavor()
        python = environments.python(spec)
        if python is None:
            return None
        return Work(
            appkey=self.record.appkey,
            launcher=launcher,
            python=python,
            requirements_lock=environments.lock_file(spec),
            cpus=flavor.vcpus,
            memory_bytes=flavor.ram * MIB,
            disk_bytes=self._disk_bytes(flavor),
        )

    def build_key(self) -> str:
        return f"environment:{self.record.spec['imageId']}"

    def _disk_bytes(self, flavor: Flavor) -> int:
        disk = int(self.record.spec.get("dataStorageSize") or flavor.disk) * GB
        if self.settings.local_disk_limit_mb is not None:
            disk = min(disk, self.settings.local_disk_limit_mb * 1000**2)
        return disk


def _slug(name: str) -> str:
    kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in name.lower())
    return "-".join(part for part in kept.split("-") if part)[:64] or "image"
