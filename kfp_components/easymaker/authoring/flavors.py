"""Instance types by name, at compile time: from the operator's catalogue, from the API, or from the name itself."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

# What an instance needs for itself, unless its catalogue says otherwise (guide, appendix "Resource Information").
CPU_RESERVED_MILLI = 500
MEMORY_RESERVED_MIB = 1024
GPU_RESOURCE = "nvidia.com/gpu"
# m2.c4m8: 4 vCPUs and 8 GiB; g2.c8m64g1: a GPU, too.
_NAME = re.compile(r"[a-z][a-z0-9]*\.c(?P<vcpus>[1-9]\d{0,3})m(?P<gib>[1-9]\d{0,4})(?:g(?P<gpus>[1-9]\d?))?")


class FlavorUnknown(ValueError):
    """The text names where it was looked for."""


@dataclass(frozen=True)
class Flavor:
    """``memory_mib`` and ``cpu_milli`` are the whole instance, less ``reserved`` is what a step can have."""

    name: str
    cpu_milli: int
    memory_mib: int
    gpus: int = 0
    gpu_resource: str = GPU_RESOURCE
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    cpu_reserved_milli: int = CPU_RESERVED_MILLI
    memory_reserved_mib: int = MEMORY_RESERVED_MIB

    @property
    def usable_cpu(self) -> str:
        return f"{max(self.cpu_milli - self.cpu_reserved_milli, 100)}m"

    @property
    def usable_memory(self) -> str:
        return f"{max(self.memory_mib - self.memory_reserved_mib, 256)}Mi"

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Of a catalogue, or of the API's list, which leaves out what only the engine needs."""
        return cls(
            name=str(entry["name"]),
            cpu_milli=int(entry["vcpus"]) * 1000,
            memory_mib=int(entry["ram"]),
            gpus=int(entry.get("gpuCount") or 0) if entry.get("gpuFlavor") else 0,
            gpu_resource=str(entry.get("gpuResource") or GPU_RESOURCE),
            node_selector=dict(entry.get("nodeSelector") or {}),
            tolerations=tuple(entry.get("tolerations") or ()),
            cpu_reserved_milli=int(entry.get("cpuReservedMilli", CPU_RESERVED_MILLI)),
            memory_reserved_mib=int(entry.get("memoryReservedMib", MEMORY_RESERVED_MIB)),
        )

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Raises FlavorUnknown for a name that does not say what it is."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise FlavorUnknown(
                f"flavor {name!r}: its name does not say how large it is, as m2.c4m8 does; "
                "set EASYMAKER_CATALOGUE to a catalogue with it, or EM_API_URL to an EasyMaker that has it"
            )
        return cls(name, int(found["vcpus"]) * 1000, int(found["gib"]) * 1024, int(found["gpus"] or 0))


def find_flavor(name: str, environ: Mapping[str, str] | None = None) -> Flavor:
    """Raises FlavorUnknown. A catalogue counts alone where EASYMAKER_CATALOGUE names one."""
    environ = os.environ if environ is None else environ
    if path := environ.get("EASYMAKER_CATALOGUE"):
        return _among(_of_catalogue(Path(path)), name, path)
    return _of_api(name, environ) or Flavor.from_name(name)


def _of_catalogue(path: Path) -> list[Mapping[str, Any]]:
    import yaml

    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return list((loaded or {}).get("flavors") or [])


def _among(entries: Sequence[Mapping[str, Any]], name: str, where: str) -> Flavor:
    for entry in entries:
        if name in (entry.get("name"), entry.get("id")):
            return Flavor.from_entry(entry)
    known = ", ".join(str(entry.get("name")) for entry in entries)
    raise FlavorUnknown(f"flavor {name!r} is not in {where}; there are: {known}")


def _of_api(name: str, environ: Mapping[str, str]) -> Flavor | None:
    from kfp_components.easymaker.easymaker_api.client import EasyMakerApi
    from kfp_components.easymaker.easymaker_api.settings import ApiSettings

    settings = ApiSettings.found_in(environ)
    if settings is None:
        return None
    with EasyMakerApi(settings) as api:
        return _among(api.items("flavors", "flavor"), name, settings.url)
