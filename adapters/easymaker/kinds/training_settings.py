"""The settings of the guide's pages Create Training and Create Hyperparameter Tuning.

``RunSettings`` are those of every run of a user's program, be it a training or one trial of a tuning; a training and a
training template have hyperparameters on top.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from adapters.easymaker.catalogue import Catalogue, Flavor, Image
from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds.fields import Body, CreateBody, EntryPoint, Id, Parameter, StorageUri
from adapters.easymaker.kinds.record import Json

MOST_NODES = 10


def _environment_name(value: str) -> str:
    if not all(c.isalnum() or c in "_-." for c in value):
        raise ValueError("must consist of letters, digits and _ - . because it becomes part of EM_DATASET_{name}")
    return value


DatasetName = Annotated[str, StringConstraints(min_length=1, max_length=36), AfterValidator(_environment_name)]


class Dataset(Body):
    dataset_name: DatasetName
    data_uri: StorageUri
    dataset_format_code: Literal["CHAT_TEMPLATE", "COMPLETION"] | None = None
    dataset_split_code: Literal["TRAIN", "VALIDATION", "TEST"] | None = None


class RunSettings(CreateBody):
    image_id: Id
    flavor_id: Id
    use_torchrun: bool = False
    nproc_per_node: int = Field(1, ge=1, le=1024, description="Processes per node; above 1 only with useTorchrun")
    algorithm_id: Id | None = Field(None, description="A provided algorithm; instead of sourceDirUri and entryPoint")
    source_dir_uri: StorageUri | None = None
    entry_point: EntryPoint | None = None
    dataset_list: Annotated[list[Dataset], Field(max_length=10)] = []
    check_point_input_uri: StorageUri | None = None
    check_point_upload_uri: StorageUri | None = None
    model_upload_uri: StorageUri
    data_storage_size: int | None = Field(None, ge=300, le=10000, description="GB; needed as soon as obs:// is used")
    timeout_minutes: int = Field(43200, ge=60, le=43200, description="1 to 720 hours")
    use_log: bool = False

    def storage_uris(self) -> list[str]:
        single = [self.source_dir_uri, self.check_point_input_uri, self.check_point_upload_uri, self.model_upload_uri]
        return [uri for uri in single if uri] + [d.data_uri for d in self.dataset_list]


class TrainingSettings(RunSettings):
    instance_count: int = Field(1, ge=1, le=MOST_NODES, description="Number of distributed nodes")
    hyperparameter_list: Annotated[list[Parameter], Field(max_length=100)] = []


def twice(names: Iterable[str]) -> str | None:
    """The first name that is there a second time."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _algorithm_problems(body: RunSettings, catalogue: Catalogue) -> list[str]:
    if body.algorithm_id is None:
        missing = [
            name
            for name, value in (("sourceDirUri", body.source_dir_uri), ("entryPoint", body.entry_point))
            if not value
        ]
        return [f"{' and '.join(missing)}: needed for your own algorithm (or give algorithmId)"] if missing else []
    if body.source_dir_uri or body.entry_point:
        return ["algorithmId: a provided algorithm brings its own sourceDirUri and entryPoint; leave those out"]
    algorithm = catalogue.algorithms_by_id.get(body.algorithm_id)
    if algorithm is None:
        return [f"algorithmId: there is no algorithm {body.algorithm_id}; GET /algorithms lists them"]
    if not (algorithm.source_dir_uri and algorithm.entry_point):
        return [f"algorithmId: {algorithm.algorithm_name} is listed, but its program is not installed here yet"]
    return []


def _process_problems(body: RunSettings, image: Image, flavor: Flavor) -> list[str]:
    problems: list[str] = []
    if image.core_type_code == "GPU" and not flavor.gpu_flavor:
        problems.append(f"flavorId: {flavor.name} has no GPU, which image {image.image_name} needs")
    if body.use_torchrun and image.framework_code != "PYTORCH":
        problems.append(f"useTorchrun: only PyTorch images have torchrun; {image.image_name} has none")
    if body.nproc_per_node > 1 and not body.use_torchrun:
        problems.append("nprocPerNode: more than 1 needs useTorchrun")
    most = flavor.gpu_count if flavor.gpu_flavor else flavor.vcpus
    if body.nproc_per_node > most:
        unit = "GPUs" if flavor.gpu_flavor else "vCPUs"
        problems.append(f"nprocPerNode: {body.nproc_per_node} is more than the {most} {unit} of {flavor.name}")
    return problems


def run_problems(body: RunSettings, catalogue: Catalogue) -> list[str]:
    """What is wrong with settings that reach over several fields, each with its field."""
    problems = _algorithm_problems(body, catalogue)
    image = catalogue.images_by_id.get(body.image_id)
    flavor = catalogue.flavors_by_id.get(body.flavor_id)
    if image is None or image.group_type != "TRAINING":
        problems.append(f"imageId: there is no training image {body.image_id}; GET /images lists them")
    if flavor is None:
        problems.append(f"flavorId: there is no flavor {body.flavor_id}; GET /flavors lists them")
    if image is not None and flavor is not None:
        problems += _process_problems(body, image, flavor)
    if (name := twice(d.dataset_name.upper() for d in body.dataset_list)) is not None:
        problems.append(f"datasetList: two data sets would both become EM_DATASET_{name}")
    if body.data_storage_size is None and any(uri.startswith("obs://") for uri in body.storage_uris()):
        problems.append("dataStorageSize: needed (300 to 10000 GB) because obs:// is used")
    return problems


def check(body: TrainingSettings, catalogue: Catalogue) -> None:
    """The rules that reach over several fields.

    Raises:
        InvalidRequest: all problems at once, each with its field.
    """
    problems = run_problems(body, catalogue)
    if (name := twice(p.parameter_name for p in body.hyperparameter_list)) is not None:
        problems.append(f"hyperparameterList: {name} is given twice")
    if problems:
        raise InvalidRequest("; ".join(problems))


def present_settings(spec: Json, catalogue: Catalogue) -> Json:
    """The settings of a training as the SDK reads them."""
    return present_run(spec, catalogue) | {"hyperparameterList": spec.get("hyperparameterList")}


def present_run(spec: Json, catalogue: Catalogue) -> Json:
    """The settings of a run as the SDK reads them: flavor, image and algorithm as objects."""
    flavor = catalogue.flavors_by_id.get(spec.get("flavorId", ""))
    image = catalogue.images_by_id.get(spec.get("imageId", ""))
    algorithm = catalogue.algorithms_by_id.get(spec.get("algorithmId", ""))
    size = spec.get("dataStorageSize")
    shown = {
        name: spec.get(name)
        for name in (
            "instanceCount",
            "nprocPerNode",
            "useTorchrun",
            "sourceDirUri",
            "entryPoint",
            "modelUploadUri",
            "checkPointInputUri",
            "checkPointUploadUri",
            "timeoutMinutes",
            "useLog",
            "datasetList",
        )
    }
    return shown | {
        "flavor": flavor.model_dump(by_alias=True, mode="json") if flavor else None,
        "image": present_image(image) if image else None,
        "algorithm": {"algorithmId": algorithm.algorithm_id, "algorithmName": algorithm.algorithm_name}
        if algorithm
        else None,
        "bootStorage": {"storageSize": flavor.disk} if flavor else None,
        "dataStorageList": [{"storageSize": size}] if size else [],
    }


def present_image(image: Image) -> Json:
    return image.model_dump(by_alias=True, mode="json", exclude={"requirements", "container", "group_type"})
