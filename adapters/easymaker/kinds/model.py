"""Models are artifacts in the user's storage that can be served (guide, chapter Model)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds import hyperparameter_tuning, secret_parameters, training
from adapters.easymaker.kinds.fields import Answer, Body, CreateBody, Description, Id, ModelName, Parameter, StorageUri
from adapters.easymaker.kinds.kind import Kind, Link, LinkFilter, Planning, Presenting, Reference
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord, Record
from adapters.easymaker.kinds.tuning_settings import trial_uri

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
# A model is made of the output of one of these.
MADE_BY = (training.KIND, hyperparameter_tuning.KIND)
FORMAT_OF_FRAMEWORK = {"PYTHON": "SKLEARN", "PYTORCH": "PYTORCH", "TENSORFLOW": "TENSORFLOW"}


class ModelCreate(CreateBody):
    model_name: ModelName
    model_format_code: Format | None = Field(None, description="From the image of the training when left out")
    framework_version: Annotated[str, Field(max_length=50)] | None = None
    model_upload_uri: StorageUri | None = Field(None, description="Directory of the artifact; or give what made it")
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
    given = zip(MADE_BY, (body.training_id, body.hyperparameter_tuning_id), strict=True)
    return [Reference(kind.name, kind.name, made_by, kind.id_field) for kind, made_by in given if made_by]


@dataclass(frozen=True)
class Source:
    """Where the artifact is, in which format, and what is noted about where it is from."""

    uri: str | None
    model_format: str
    noted: Json = field(default_factory=dict[str, Any])


def _source(body: ModelCreate, planning: Planning) -> Source:
    sources = {
        "modelUploadUri": body.model_upload_uri,
        "trainingId": body.training_id,
        "hyperparameterTuningId": body.hyperparameter_tuning_id,
        "fineTuningId": body.fine_tuning_id,
    }
    given = [name for name, value in sources.items() if value]
    if "fineTuningId" in given:
        raise InvalidRequest("fineTuningId: there is no such resource here; use trainingId or modelUploadUri")
    hugging_face_id = any(p.parameter_name == "model_id" and p.parameter_value for p in body.parameter_list)
    if body.model_format_code == "HUGGING_FACE" and hugging_face_id and not given:
        return Source(None, "HUGGING_FACE")
    if len(given) != 1:
        names = "modelUploadUri, trainingId and hyperparameterTuningId"
        raise InvalidRequest(f"give exactly one of {names}: where the model's artifact is")
    if body.training_id is not None:
        record = planning.family(body.training_id).record
        return Source(record.spec["modelUploadUri"], _format(body, record, planning), {"trainingName": record.name})
    if body.hyperparameter_tuning_id is not None:
        return _best_of(planning.family(body.hyperparameter_tuning_id).record, body, planning)
    if body.model_format_code is None:
        raise InvalidRequest("modelFormatCode: needed with modelUploadUri (for example SKLEARN)")
    return Source(body.model_upload_uri, body.model_format_code)


def _best_of(tuning: Record, body: ModelCreate, planning: Planning) -> Source:
    """What the tuning's best training has made. Noted by its id: a model stays what it is."""
    best = tuning.state.get("optimalTrial")
    if not best:
        raise InvalidRequest("hyperparameterTuningId: none of its trainings has a result that a model could be made of")
    uri = trial_uri(tuning.spec["modelUploadUri"], best["trialId"])
    noted = {"hyperparameterTuningName": tuning.name, "trialId": best["trialId"]}
    return Source(uri, _format(body, tuning, planning), noted)


def _format(body: ModelCreate, made_by: Record, planning: Planning) -> str:
    image = planning.catalogue.images_by_id.get(made_by.spec.get("imageId", ""))
    chosen = body.model_format_code or (FORMAT_OF_FRAMEWORK[image.framework_code] if image else None)
    if chosen is None:
        raise InvalidRequest("modelFormatCode: needed, because the training's image is no longer in the catalogue")
    return chosen


def plan(body: ModelCreate, planning: Planning) -> Sequence[NewRecord]:
    source = _source(body, planning)
    names = [p.parameter_name for p in body.parameter_list]
    if len(set(names)) != len(names):
        raise InvalidRequest("parameterList: a parameter is given twice")
    stored, secrets = secret_parameters.split(body.wire()["parameterList"])
    spec = body.wire() | {"modelFormatCode": source.model_format, "parameterList": stored} | source.noted
    if source.uri is not None:
        spec["modelUploadUri"] = source.uri
    return [
        NewRecord(
            id=planning.new_id(),
            kind=KIND.name,
            name=body.model_name,
            description=body.description or "",
            spec=spec,
            status=LIFECYCLE.requested,
            links={reference.role: (reference.id,) for reference in references(body)},
            secrets=secrets,
        )
    ]


def present(family: Family, presenting: Presenting) -> Json:
    record = family.record
    tuned = hyperparameter_tuning.KIND.summary(family.ref(hyperparameter_tuning.KIND.name))
    return KIND.common_answer(record) | {
        "modelFormatCode": record.spec["modelFormatCode"],
        "frameworkVersion": record.spec.get("frameworkVersion"),
        "modelUploadUri": record.spec.get("modelUploadUri"),
        "parameterList": secret_parameters.shown(record.spec.get("parameterList", [])),
        "training": training.KIND.summary(family.ref(training.KIND.name)),
        "hyperparameterTuning": tuned and tuned | {"trialId": record.spec.get("trialId")},
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
    links=tuple(Link(kind.name, kind.name, ready=frozenset({"COMPLETE"}), blocks_delete=True) for kind in MADE_BY),
    filters=tuple(LinkFilter(kind.id_field, kind.name) for kind in MADE_BY),
    example={"modelName": "iris", "modelFormatCode": "SKLEARN", "modelUploadUri": "nas://data:/iris/model"},
)
