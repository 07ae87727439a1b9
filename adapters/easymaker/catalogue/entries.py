"""The catalogue's entries and their checks. Field names on the wire are those that the official SDK reads."""

import uuid
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from adapters.easymaker.errors import EasyMakerError

CPU_RESERVED_MILLI = 500
MEMORY_RESERVED_MIB = 1024

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class CatalogueError(EasyMakerError):
    """The catalogue file cannot be used; the message names the entry and what is wrong with it."""


class Entry(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, protected_namespaces=()
    )


def _stable_id(kind: str, name: str) -> str:
    """An id that every replica and every restart derives alike from the entry's name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"easymaker:{kind}:{name}"))


class Flavor(Entry):
    """An instance type. ``ram`` is in MiB, ``disk`` in GB, ``gpu_memory`` in GiB."""

    id: str = ""
    name: Name
    vcpus: int = Field(ge=1, le=1024)
    ram: int = Field(ge=256)
    disk: int = Field(default=50, ge=1)
    gpu_flavor: bool = False
    gpu_count: int = Field(default=0, ge=0)
    gpu_memory: int = Field(default=0, ge=0)
    groups: tuple[str, ...] = Field(default=(), description="Resource families that offer it; empty: all")
    cpu_reserved_milli: int = Field(default=CPU_RESERVED_MILLI, ge=0)
    memory_reserved_mib: int = Field(default=MEMORY_RESERVED_MIB, ge=0)
    # Where the cluster has it: for the engine alone, so no answer shows it.
    node_selector: dict[str, str] = Field(default={}, exclude=True, description="Labels of the nodes of this type")
    tolerations: tuple[dict[str, Any], ...] = Field(default=(), exclude=True, description="As in a pod's spec")
    gpu_resource: str = Field(default="nvidia.com/gpu", exclude=True, description="What a GPU is called by its nodes")

    @model_validator(mode="after")
    def _fill(self) -> "Flavor":
        object.__setattr__(self, "id", self.id or _stable_id("flavor", self.name))
        if self.cpu_reserved_milli >= self.vcpus * 1000 or self.memory_reserved_mib >= self.ram:
            raise ValueError("cpuReservedMilli and memoryReservedMib must leave something of vcpus and ram")
        return self

    @property
    def usable_cpu_milli(self) -> int:
        """What resources may ask for: the instance less its default usage (guide, appendix 9)."""
        return self.vcpus * 1000 - self.cpu_reserved_milli

    @property
    def usable_memory_mib(self) -> int:
        return self.ram - self.memory_reserved_mib


class Image(Entry):
    """A runtime image: ``container`` on a cluster, ``requirements`` (a virtual environment) on one machine."""

    image_id: str = ""
    image_name: Name
    group_type: Literal["NOTEBOOK", "TRAINING"]
    image_type_code: Literal["NOTEBOOK", "TRAINING"] | None = None
    core_type_code: Literal["CPU", "GPU"]
    framework_code: Literal["PYTHON", "PYTORCH", "TENSORFLOW"]
    framework_version: str
    python_version: str = "3.11"
    description: str = ""
    container: str = Field(default="", description="Container reference; used by the cluster engine")
    requirements: tuple[str, ...] = Field(default=(), description="Requirement lines; used by the local engine")

    @model_validator(mode="after")
    def _fill(self) -> "Image":
        object.__setattr__(self, "image_id", self.image_id or _stable_id("image", self.image_name))
        object.__setattr__(self, "image_type_code", self.image_type_code or self.group_type)
        return self


class HyperparameterSpec(Entry):
    hyperparameter_name: Name
    hyperparameter_type_code: Literal["int", "double", "discrete", "categorical"]
    hyperparameter_min_value: str | None = None
    hyperparameter_max_value: str | None = None
    hyperparameter_step: str | None = None
    hyperparameter_specified_values: str | None = None
    default_value: str | None = None
    is_optional: bool = True


class Algorithm(Entry):
    """An algorithm that the platform provides. Without ``source_dir_uri`` it is listed but cannot be trained."""

    algorithm_id: str = ""
    algorithm_name: Name
    description: str = ""
    cpu_training_image: str | None = None
    gpu_training_image: str | None = None
    source_dir_uri: str | None = None
    entry_point: str | None = None
    metrics: tuple[str, ...] = ()
    algorithm_dataset_schema: tuple[dict[str, Any], ...] = ()
    hyperparameter_spec_list: tuple[HyperparameterSpec, ...] = ()

    @model_validator(mode="after")
    def _fill(self) -> "Algorithm":
        object.__setattr__(self, "algorithm_id", self.algorithm_id or _stable_id("algorithm", self.algorithm_name))
        return self


class ParameterSpec(Entry):
    model_format_code: str | None = None
    parameter_name: Name
    parameter_action_code: str | None = None
    is_optional: bool = True
    default_value: str | None = None
    min_value: str | None = None
    max_value: str | None = None
    need_encrypt: bool = False
    parameter_type_code: Literal["SERVING", "MODEL", "FINE_TUNING"]
    parameter_data_type_code: str | None = None
    is_user_editable: bool = True
    allowed_values: str | None = None


class ModelPresetMetadata(Entry):
    model_format_code: str | None = None
    model_id: str | None = None
    model_revision: str | None = None
    model_size_gb: float | None = None
    license: str | None = None
    flavor_id: str | None = None
    flavor_name: str | None = None


class ModelPreset(Entry):
    model_preset_id: str = ""
    model_preset_name: Name
    repository_type_code: str | None = None
    exposure_scope_code: Literal["HUGGING_FACE", "RAG_LLM", "RAG_EMBEDDING", "SAPEON", "FINE_TUNING"]
    exposure_order: int = 0
    description: str = ""
    metadata: ModelPresetMetadata = ModelPresetMetadata()
    parameter_specs: tuple[ParameterSpec, ...] = ()

    @model_validator(mode="after")
    def _fill(self) -> "ModelPreset":
        fallback = _stable_id("model-preset", self.model_preset_name)
        object.__setattr__(self, "model_preset_id", self.model_preset_id or fallback)
        return self


class Catalogue(Entry):
    flavors: tuple[Flavor, ...] = ()
    images: tuple[Image, ...] = ()
    algorithms: tuple[Algorithm, ...] = ()
    model_presets: tuple[ModelPreset, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Catalogue":
        named = {
            "flavor": [f.name for f in self.flavors],
            "image": [i.image_name for i in self.images],
            "algorithm": [a.algorithm_name for a in self.algorithms],
            "model preset": [p.model_preset_name for p in self.model_presets],
        }
        for what, names in named.items():
            if twice := sorted({n for n in names if names.count(n) > 1}):
                raise ValueError(f"two {what}s have the name {twice[0]!r}")
        known = set(named["image"])
        for algorithm in self.algorithms:
            for image in (algorithm.cpu_training_image, algorithm.gpu_training_image):
                if image and image not in known:
                    raise ValueError(f"algorithm {algorithm.algorithm_name!r}: there is no image {image!r}")
        return self

    @cached_property
    def flavors_by_id(self) -> dict[str, Flavor]:
        return {f.id: f for f in self.flavors}

    @cached_property
    def images_by_id(self) -> dict[str, Image]:
        return {i.image_id: i for i in self.images}

    @cached_property
    def images_by_name(self) -> dict[str, Image]:
        return {i.image_name: i for i in self.images}

    @cached_property
    def algorithms_by_id(self) -> dict[str, Algorithm]:
        return {a.algorithm_id: a for a in self.algorithms}


class _Loader(yaml.SafeLoader):
    """YAML without aliases: a few bytes of them can unfold to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise CatalogueError("YAML aliases (*name) are not allowed in the catalogue: write the value out")
        return super().compose_node(parent, index)


def load(path: Path | None = None) -> Catalogue:
    """Read a catalogue file, or the shipped one.

    Raises:
        CatalogueError: the file is missing, is not YAML, or an entry is wrong (the first problem is named).
    """
    path = path or Path(__file__).with_name("catalogue.yaml")
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader without aliases
    except OSError as error:
        raise CatalogueError(f"catalogue {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"catalogue {path} is not valid YAML: {error}") from error
    try:
        return Catalogue.model_validate(document or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise CatalogueError(f"catalogue {path}, {where}: {first['msg']}") from error
