"""Field types of request bodies, with the limits of the guide, and the base of all bodies.

Bodies are strict: a number is no string and an unknown field is an error, so a typing mistake is told at once.
"""

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from kserve_runtimes.oip.routes import model_name_problem, resource_path_problem
from kserve_runtimes.storage.uri import InvalidStorageUri, parse

_CONTROL = {"Cc", "Cs"}


def _printable(value: str) -> str:
    for character in value:
        if unicodedata.category(character) in _CONTROL:
            raise ValueError(f"has the control character U+{ord(character):04X}; write it without")
    return value


def _trimmed(value: str) -> str:
    if value != value.strip():
        raise ValueError("starts or ends with a blank; write it without")
    return value


def _path_part(value: str) -> str:
    if problem := model_name_problem(value):
        raise ValueError(problem)
    return value


def _text(value: str) -> str:
    """Descriptions may have several lines."""
    _printable(value.replace("\n", " ").replace("\t", " ").replace("\r", " "))
    return value


def _storage_uri(value: str) -> str:
    try:
        parse(value)
    except InvalidStorageUri as error:
        raise ValueError(str(error)) from error
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise ValueError("a user name or password does not belong in a URI: URIs are stored and shown as they are")
    return value


def _entry_point(value: str) -> str:
    parts = value.split("/")
    if value.startswith(("/", "-")) or "\\" in value or any(part in ("", ".", "..") for part in parts):
        raise ValueError("must be a file inside the algorithm path, such as train.py or src/train.py")
    return value


def _number_as_text(value: Any) -> Any:
    """The SDK passes hyperparameter values on as its user wrote them: numbers and booleans become text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value


def _resource_path(value: str) -> str:
    if problem := resource_path_problem(value, ()):
        raise ValueError(problem)
    return value


Name = Annotated[
    str, StringConstraints(min_length=1, max_length=50), AfterValidator(_printable), AfterValidator(_trimmed)
]
ModelName = Annotated[Name, AfterValidator(_path_part)]
Description = Annotated[str, StringConstraints(max_length=255), AfterValidator(_text)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=36, pattern=r"^[A-Za-z0-9_-]+$")]
StorageUri = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    AfterValidator(_storage_uri),
    Field(
        json_schema_extra={
            "example": "obs://127.0.0.1:10444/v1/AUTH_0123/container/path",
            "description": "obs://{host}/v1/AUTH_{tenant}/{container}/{path} or nas://{id}:/{path}",
        }
    ),
]
EntryPoint = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(_printable), AfterValidator(_entry_point)
]
StageName = Annotated[str, StringConstraints(min_length=1, max_length=30, pattern=r"^[a-z0-9]+$")]
ResourcePath = Annotated[str, StringConstraints(min_length=2, max_length=255), AfterValidator(_resource_path)]
ParameterName = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_printable)]
ParameterValue = Annotated[
    str, BeforeValidator(_number_as_text, json_schema_input_type=str | float | bool), StringConstraints(max_length=1000)
]
Quantity = Annotated[str, StringConstraints(max_length=20, pattern=r"^[0-9]+(\.[0-9]{1,3})?(m|Ki|Mi|Gi|Ti|k|M|G|T)?$")]
ScaleMetric = Literal["CPU_UTILIZATION", "MEMORY_UTILIZATION"]


class Body(BaseModel):
    """Base of all request bodies: camelCase on the wire, strict, nothing unknown."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", strict=True, protected_namespaces=()
    )

    def wire(self) -> dict[str, Any]:
        """The body as it came, without absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class CreateBody(Body):
    """What the SDK may add to any create request when it runs inside a pipeline."""

    description: Description | None = None
    parent_pipeline_run_id: Id | None = None
    parent_pipeline_run_task_name: Annotated[str, StringConstraints(max_length=255)] | None = None


class Answer(BaseModel):
    """Base of all answers, for the API's documentation."""

    model_config = ConfigDict(alias_generator=to_camel, protected_namespaces=(), extra="allow")


class Parameter(Body):
    parameter_name: ParameterName
    parameter_value: ParameterValue
