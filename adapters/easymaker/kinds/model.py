"""Models are artifacts in the user's storage that can be served (guide, chapter Model)."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds import secret_parameters
from adapters.easymaker.kinds.fields import Answer, Body, CreateBody, Description, Id, ModelName, Parameter, StorageUri
from adapters.easymaker.kinds.kind import Kind, Link, LinkFilter, Planning, Presenting, Reference
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="ACTIVE",
    create_failed="CREATE_FAILED",
    delete_failed="DELETE_FAILED",
    descriptions={
        "CREATE_REQUESTED": "Model creation is requested.",
        "CREATE_IN_PROGRESS": "The model's artifact is being looked up.",
        "DELETE_IN_PROGRESS": "The model is being deleted; its artifact stays in the user's storage.",
        "ACTIVE": "The model can be served.",
        "CREATE_FAILED": "The model could not be created, for example because no artifact is at its path.",
        "DELETE_FAILED": "The model could not be deleted; try again.",
    },
)

Format = Literal["TENSORFLOW", "PYTORCH", "SKLEARN", "HUGGING_FACE", "TRITON", "SAPEON"]
FORMAT_OF_FRAMEWORK = {"PYTHON": "SKLEARN", "PYTORCH": "PYTORCH", "TENSORFLOW": "TENSORFLOW"}


class ModelCreate(CreateBody):
    model_name: ModelName
    model_format_code: Format | None = Field(None, description="From the training's image when left out")
    framework_version: Annotated[str, Field(max_length=50)] | None = None
    model_upload_uri: StorageUri | None = Field(None, description="Directory of the artifact; or give trainingId")
    training_id: Id | None = None
    hyperparameter_tuning_id: Id | None = None
    fine_tuning_id: Id | None = None
    parameter_list: Annotated[list[Parameter], Field(max_length=100)] = []


class ModelUpdate(Body):
    model_name: ModelName | None = None
    description: Description | None = None


class ModelAnswer(Answer):
    model_id: str
    model_name: str
    model_status_code: str
    model_status_reason: str
    model_format_code: str
    created_datetime: str


def references(body: ModelCreate) -> Sequence[Reference]:
    return [Reference("training", "training", body.training_id, "trainingId")] if body.training_id else []


def _source(body: ModelCreate, planning: Planning) -> tuple[str | None, str]:
    """The artifact's URI and the model's format."""
    sources = {
        "modelUploadUri": body.model_upload_uri,
        "trainingId": body.training_id,
        "hyperparameterTuningId": body.hyperparameter_tuning_id,
        "fineTuningId": body.fine_tuning_id,
    }
    given = [name for name, value in sources.items() if value]
    for name in ("hyperparameterTuningId", "fineTuningId"):
        if name in given:
            raise InvalidRequest(f"{name}: there is no such resource here; use trainingId or modelUploadUri")
    hugging_face_id = any(p.parameter_name == "model_id" and p.parameter_value for p in body.parameter_list)
    if body.model_format_code == "HUGGING_FACE" and hugging_face_id and not given:
        return None, "HUGGING_FACE"
    if len(given) != 1:
        raise InvalidRequest("give exactly one of modelUploadUri and trainingId: where the model's artifact is")
    if body.training_id is None:
        if body.model_format_code is None:
            raise InvalidRequest("modelFormatCode: needed with modelUploadUri (for example SKLEARN)")
        return body.model_upload_uri, body.model_format_code
    training = planning.family(body.training_id).record
    image = planning.catalogue.images_by_id.get(training.spec.get("imageId", ""))
    derived = FORMAT_OF_FRAMEWORK[image.framework_code] if image else None
    chosen = body.model_format_code or derived
    if chosen is None:
        raise InvalidRequest("modelFormatCode: needed, because the training's image is no longer in the catalogue")
    return str(training.spec["modelUploadUri"]), chosen


def plan(body: ModelCreate, planning: Planning) -> Sequence[NewRecord]:
    uri, model_format = _source(body, planning)
    names = [p.parameter_name for p in body.parameter_list]
    if len(set(names)) != len(names):
        raise InvalidRequest("parameterList: a parameter is given twice")
    stored, secrets = secret_parameters.split(body.wire()["parameterList"])
    spec = body.wire() | {"modelFormatCode": model_format, "parameterList": stored}
    if uri is not None:
        spec["modelUploadUri"] = uri
    training = planning.family(body.training_id).record if body.training_id else None
    return [
        NewRecord(
            id=planning.new_id(),
            kind=KIND.name,
            name=body.model_name,
            description=body.description or "",
            spec=spec | ({"trainingName": training.name} if training else {}),
            status=LIFECYCLE.requested,
            links={"training": (body.training_id,)} if body.training_id else {},
            secrets=secrets,
        )
    ]


def present(family: Family, presenting: Presenting) -> Json:
    record = family.record
    training = family.ref("training")
    origin: dict[str, Any] | None = None
    if training is not None:
        origin = {
            "trainingId": training.id,
            "trainingName": training.name,
            "trainingStatusCode": training.status,
        }
    return KIND.common_answer(record) | {
        "modelFormatCode": record.spec["modelFormatCode"],
        "frameworkVersion": record.spec.get("frameworkVersion"),
        "modelUploadUri": record.spec.get("modelUploadUri"),
        "parameterList": secret_parameters.shown(record.spec.get("parameterList", [])),
        "training": origin,
    }


KIND = Kind(
    name="model",
    plural="models",
    key="model",
    title="Model",
    lifecycle=LIFECYCLE,
    create_body=ModelCreate,
    update_body=ModelUpdate,
    answer=ModelAnswer,
    plan=plan,
    present=present,
    references=references,
    name_field="modelName",
    links=(Link("training", "training", ready=frozenset({"COMPLETE"}), blocks_delete=True),),
    filters=(LinkFilter("trainingId", "training"),),
    example={"modelName": "iris", "modelFormatCode": "SKLEARN", "modelUploadUri": "nas://data:/iris/model"},
)
