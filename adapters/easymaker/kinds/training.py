"""Trainings run a user's program once (guide, chapter Training)."""

from collections.abc import Sequence
from typing import Any, Literal

from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds import experiment
from adapters.easymaker.kinds.actions import stop
from adapters.easymaker.kinds.fields import Answer, Body, Description, Id, Name
from adapters.easymaker.kinds.kind import Kind, LinkFilter, Planning, Presenting, Reference
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord
from adapters.easymaker.kinds.run_answers import board_of, elapsed_seconds, models_made
from adapters.easymaker.kinds.training_settings import TrainingSettings, check, present_settings

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="RUNNING",
    create_failed="CREATE_FAILED",
    completing="COMPLETE_IN_PROGRESS",
    complete="COMPLETE",
    failing="FAIL_TRAIN_IN_PROGRESS",
    failed="FAIL_TRAIN",
    stopping="STOP_IN_PROGRESS",
    stopped="STOPPED",
    descriptions={
        "CREATE_REQUESTED": "A training was requested.",
        "CREATE_IN_PROGRESS": "What the training needs is being prepared: its environment, source and data.",
        "RUNNING": "The entry point runs.",
        "STOPPED": "The training was stopped at the user's request.",
        "COMPLETE": "The training ended well and its results are stored.",
        "STOP_IN_PROGRESS": "The training is being stopped.",
        "FAIL_TRAIN": "The training failed; the reason says why, the log has the details.",
        "CREATE_FAILED": "The training could not be started.",
        "FAIL_TRAIN_IN_PROGRESS": "The training failed and its resources are being cleaned up.",
        "COMPLETE_IN_PROGRESS": "The training ended well and its resources are being cleaned up.",
        "DELETE_IN_PROGRESS": "The training is being deleted.",
    },
)


class TrainingCreate(TrainingSettings):
    training_name: Name
    experiment_id: Id
    training_template_id: Id | None = None
    training_type_code: Literal["NORMAL"] = "NORMAL"


class TrainingUpdate(Body):
    training_name: Name | None = None
    description: Description | None = None


class TrainingAnswer(Answer):
    training_id: str
    training_name: str
    training_status_code: str
    training_status_reason: str
    experiment: dict[str, Any]
    elapsed_time_seconds: int
    created_datetime: str


def references(body: TrainingCreate) -> Sequence[Reference]:
    return [Reference("experiment", "experiment", body.experiment_id, "experimentId")]


def plan(body: TrainingCreate, planning: Planning) -> Sequence[NewRecord]:
    check(body, planning.catalogue)
    if body.training_type_code != "NORMAL":
        raise InvalidRequest("trainingTypeCode: must be NORMAL")
    return [
        NewRecord(
            id=planning.new_id(),
            kind=KIND.name,
            name=body.training_name,
            description=body.description or "",
            spec=body.wire(),
            status=LIFECYCLE.requested,
            links={"experiment": (body.experiment_id,)},
        )
    ]


def present(family: Family, presenting: Presenting) -> Json:
    record = family.record
    return (
        KIND.common_answer(record)
        | present_settings(record.spec, presenting.catalogue)
        | board_of(record, presenting)
        | {
            "trainingTypeCode": record.spec.get("trainingTypeCode", "NORMAL"),
            "experiment": experiment.summary(family, presenting),
            "elapsedTimeSeconds": elapsed_seconds(record.state),
            "modelList": models_made(family),
            "limits": record.state.get("limits"),
        }
    )


KIND = Kind(
    name="training",
    plural="trainings",
    key="training",
    title="Training",
    lifecycle=LIFECYCLE,
    create_body=TrainingCreate,
    update_body=TrainingUpdate,
    answer=TrainingAnswer,
    plan=plan,
    present=present,
    references=references,
    name_field="trainingName",
    links=(experiment.MEMBERSHIP,),
    filters=(LinkFilter("experimentId", "experiment"),),
    shows_sources=("model",),
    copyable=True,
    template=("trainingTemplateId", "training-template"),
    actions=(stop(LIFECYCLE, "Training"),),
    has_logs=True,
    example={
        "trainingName": "iris",
        "experimentId": "0f8e…",
        "imageId": "8d1c…",
        "flavorId": "68ce…",
        "sourceDirUri": "nas://data:/iris/source",
        "entryPoint": "train_iris.py",
        "datasetList": [{"datasetName": "train", "dataUri": "nas://data:/iris/train"}],
        "hyperparameterList": [{"parameterName": "epochs", "parameterValue": "10"}],
        "modelUploadUri": "nas://data:/iris/model",
        "timeoutMinutes": 60,
    },
)
