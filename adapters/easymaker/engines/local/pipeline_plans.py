"""From a pipeline run's record to what its program and its steps get: files, limits, environment, and what they see."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import katib_suggestions
import kserve_runtimes.storage
from adapters.easymaker.catalogue import Catalogue, Flavor
from adapters.easymaker.engines.local.access import Access
from adapters.easymaker.engines.local.environments import EnvironmentSpec
from adapters.easymaker.engines.local.home import CONTAINER
from adapters.easymaker.engines.local.job_access import package_settings
from adapters.easymaker.engines.local.job_resources import GB, MIB, JobResources
from adapters.easymaker.engines.local.object_storage.tokens import tenant_of
from adapters.easymaker.engines.local.pipeline_run.interface import INTERRUPTED
from adapters.easymaker.engines.local.pipeline_run.plan import RUN_ID, Limits, RunPlan
from adapters.easymaker.engines.local.pipeline_trust import past_the_proxy, write_bundle
from adapters.easymaker.engines.local.processes import Limits as ProcessLimits
from adapters.easymaker.engines.local.processes import Sandbox
from adapters.easymaker.engines.pipelines import NAS_DIRECTORY
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Record
from adapters.easymaker.settings import Settings
from kfp_components.easymaker import images
from kserve_runtimes.storage import InvalidStorageUri, NasFileSystem, StorageDenied, StorageOptions

DOCUMENT = "pipeline.yaml"
GRAPH = "graph.json"
ARTIFACTS = "artifacts"
NAS = "nas"
# A process of its own for each, all on one machine.
MOST_PARALLEL = 16
# As the components' image has them.
_PACKAGES = tuple(
    Path(file).parents[levels]
    for file, levels in ((images.__file__, 1), (kserve_runtimes.storage.__file__, 1), (katib_suggestions.__file__, 0))
)
STEPS = EnvironmentSpec(
    name="pipeline-steps",
    # pip, for what components ask to have installed.
    requirements=("pip>=25", *images.REQUIREMENTS, *images.EXAMPLE_REQUIREMENTS),
    overlays=_PACKAGES,
)


@dataclass(frozen=True)
class RunFiles:
    """Where a run's files are; ``directory`` and all in it are the run's alone."""

    directory: Path

    @property
    def document(self) -> Path:
        return self.directory / DOCUMENT

    @property
    def graph(self) -> Path:
        return self.directory / GRAPH

    @property
    def artifacts(self) -> Path:
        return self.directory / ARTIFACTS

    @property
    def nas(self) -> Path:
        return self.directory / NAS

    @property
    def trusted(self) -> Path:
        return self.directory / "trusted.pem"

    @property
    def tasks(self) -> Path:
        return self.directory / "tasks"

    @property
    def interrupted(self) -> Path:
        """Is there when the platform, and no user, ends the run."""
        return self.directory / INTERRUPTED

    @property
    def ended(self) -> Path:
        """Made when the run has ended for good; its age is that of the artifacts."""
        return self.directory / "ended"

    @property
    def expired(self) -> Path:
        """Made when the artifacts were removed for their age."""
        return self.directory / "artifacts-expired"


@dataclass(frozen=True)
class RunMaker:
    """Of one record."""

    record: Record
    catalogue: Catalogue
    settings: Settings
    access: Access
    files: RunFiles

    def plan(self, python: Path, token: str) -> RunPlan:
        """Raises PermanentEngineError for a NAS path that is not there."""
        self._link_nas()
        write_bundle(self.files.trusted, self.access.ca_file)
        return RunPlan(
            directory=self.files.directory,
            pipeline=self.files.document,
            pipeline_root=self.files.artifacts,
            python=python,
            arguments=self.record.spec["arguments"],
            environment=self._environment(token),
            limits=Limits(parallel_tasks=self._parallel_tasks()),
            sandbox=self._sandbox(python),
        )

    def limits(self) -> ProcessLimits:
        """Of all instances together: steps are not told apart."""
        flavor, count = self._flavor(), self._instances
        disk = int(self.record.spec["bootStorageSize"]) * GB * count
        if self.settings.local_disk_limit_mb is not None:
            disk = min(disk, self.settings.local_disk_limit_mb * 1000**2)
        return ProcessLimits(
            cpus=flavor.vcpus * count,
            memory_bytes=flavor.ram * MIB * count,
            disk_bytes=disk,
            disk_path=self.files.directory,
        )

    @property
    def _instances(self) -> int:
        return int(self.record.spec["instanceCount"])

    def _flavor(self) -> Flavor:
        return JobResources(self.record, "pipeline run", self.catalogue, self.settings).flavor()

    def _parallel_tasks(self) -> int:
        return min(max(2, self._flavor().vcpus * self._instances), MOST_PARALLEL)

    def _environment(self, token: str) -> dict[str, str]:
        record, settings, appkey = self.record, self.settings, self.record.appkey
        packages = package_settings()
        return (
            packages
            | past_the_proxy(packages)
            | {
                RUN_ID: record.id,
                "EM_API_URL": _address(settings),
                "EM_TOKEN": token,
                "EM_APPKEY": appkey,
                "EM_REGION": settings.region,
                "EM_GROUP_ID": "local",
                "EM_EXPERIMENT_ID": record.spec["experimentId"],
                "EASYMAKER_OBS_URI": f"obs://{self.access.object_storage}/v1/AUTH_{tenant_of(appkey)}/{CONTAINER}",
                "EASYMAKER_OBS_CA_FILE": str(self.access.ca_file),
                "EASYMAKER_NAS_ROOT": str(self.access.home.nas_of(appkey)),
                "REQUESTS_CA_BUNDLE": str(self.files.trusted),
                NAS_DIRECTORY: str(self.files.nas),
            }
        )

    def _sandbox(self, python: Path) -> Sandbox:
        """A step sees the artifacts of the whole run, and changes its own."""
        files = self.files
        return self.access.sandbox(
            readable=(python.parents[1], files.artifacts, files.nas, files.trusted),
            writable=(self.access.home.nas_of(self.record.appkey),),
        )

    def _link_nas(self) -> None:
        """A folder with a link for each mount, so that it is there under one address in and outside of a sandbox."""
        self.files.nas.mkdir(mode=0o700, exist_ok=True)
        for mount in self.record.spec.get("nasList", ()):
            with contextlib.suppress(FileExistsError):
                (self.files.nas / mount["mountDirName"]).symlink_to(self._nas(mount))

    def _nas(self, mount: Mapping[str, Any]) -> Path:
        nas = NasFileSystem(options=StorageOptions(nas_root=self.access.home.nas_of(self.record.appkey)))
        try:
            path = nas.locate(mount["nasUri"])
        except (InvalidStorageUri, StorageDenied) as error:
            raise PermanentEngineError(f"nasList: {error}") from error
        if not path.is_dir():
            raise PermanentEngineError(f"nasList: there is no folder {mount['nasUri']}")
        return path


def _address(settings: Settings) -> str:
    """Where this machine reaches an API that may listen on all its addresses."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - not bound here
    return f"http://{host}:{settings.port}"
