"""Hyperparameter tunings run a user's program many times and look for the best settings (guide, that chapter)."""

from collections.abc import Sequence
from typing import Any

from adapters.easymaker.kinds import experiment, tuning_answers
from adapters.easymaker.kinds.actions import stop
from adapters.easymaker.kinds.fields import Answer, Body, Description, Id, Name
from adapters.easymaker.kinds.kind import Kind, LinkFilter, Planning, Presenting, Reference
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord
from adapters.easymaker.kinds.tuning_settings import TuningSettings, adapt_template, check, resolved

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="RUNNING",
    create_failed="CREATE_FAILED",
    completing="COMPLETE_IN_PROGRESS",
    complete="COMPLETE",
    failing="FAIL_HYPERPARAMETER_TUNING_IN_PROGRESS",
    failed="FAIL_HYPERPARAMETER_TUNING",
    stopping="STOP_IN_PROGRESS",
    stopped="STOPPED",
    descriptions={
        "CREATE_REQUESTED": "A hyperparameter tuning was requested.",
        "CREATE_IN_PROGRESS": "What the hyperparameter tuning needs is being prepared.",
        "RUNNING": "Trainings are started with ever other values, as the strategy suggests them.",
        "STOPPED": "The hyperparameter tuning was stopped at the user's request.",
        "COMPLETE": (
            "The hyperparameter tuning ended well. The reason is its status detail: GoalReached, MaxTrialsReached, or "
            "SuggestionEndReached when every combination has been tried."
        ),
        "STOP_IN_PROGRESS": "The hyperparameter tuning is being stopped; its running trainings are ended.",
        "FAIL_HYPERPARAMETER_TUNING": "The hyperparameter tuning failed; its reason says why.",
        "CREATE_FAILED": "The hyperparameter tuning could not be started.",
        "FAIL_HYPERPARAMETER_TUNING_IN_PROGRESS": "It failed and its resources are being cleaned up.",
        "COMPLETE_IN_PROGRESS": "It ended well and its resources are being cleaned up.",
        "DELETE_IN_PROGRESS": "The hyperparameter tuning is being deleted.",
    },
)


class HyperparameterTuningCreate(TuningSettings):
    hyperparameter_tuning_name: Name
    experiment_id: Id
    training_template_id: Id | None = None


class HyperparameterTuningUpdate(Body):
    hyperparameter_tuning_name: Name | None = None
    description: Description | None = None


class HyperparameterTuningAnswer(Answer):
    hyperparameter_tuning_id: str
    hyperparameter_tuning_name: str
    hyperparameter_tuning_status_code: str
    hyperparameter_tuning_status_reason: str
    experiment: dict[str, Any]
    elapsed_time_seconds: int
    successful_trial_count: int
    running_trial_count: int
    failed_trial_count: int
    optimal_trial: dict[str, Any] | None
    created_datetime: str


def references(body: HyperparameterTuningCreate) -> Sequence[Reference]:
    return [Reference("experiment", "experiment", body.experiment_id, "experimentId")]


def plan(body: HyperparameterTuningCreate, planning: Planning) -> Sequence[NewRecord]:
    check(body, planning.catalogue)
    return [
        NewRecord(
            id=planning.new_id(),
            kind=KIND.name,
            name=body.hyperparameter_tuning_name,
            description=body.description or "",
            spec=resolved(body, planning.catalogue),
            status=LIFECYCLE.requested,
            links={"experiment": (body.experiment_id,)},
        )
    ]


def present(family: Family, presenting: Presenting) -> Json:
    return KIND.common_answer(family.record) | tuning_answers.shown(family, presenting)


EXAMPLE: Json = {
    "hyperparameterTuningName": "iris",
    "experimentId": "0f8e…",
    "imageId": "8d1c…",
    "flavorId": "68ce…",
    "sourceDirUri": "nas://data:/iris/source",
    "entryPoint": "train_iris.py",
    "hyperparameterSpecList": [
        {
            "hyperparameterName": "learning_rate",
            "hyperparameterTypeCode": "double",
            "hyperparameterMinValue": "0.001",
            "hyperparameterMaxValue": "0.1",
        },
        {
            "hyperparameterName": "optimizer",
            "hyperparameterTypeCode": "categorical",
            "hyperparameterSpecifiedValues": "sgd, adam",
        },
    ],
    "metricList": [{"name": "accuracy"}],
    "objectiveMetric": {"name": "accuracy"},
    "objectiveTypeCode": "MAXIMIZE",
    "objectiveGoal": 0.99,
    "maxTrialCount": 20,
    "maxFailedTrialCount": 3,
    "parallelTrialCount": 2,
    "instanceCount": 2,
    "modelUploadUri": "nas://data:/iris/tuned",
    "timeoutMinutes": 60,
}

KIND = Kind(
    name="hyperparameter-tuning",
    plural="hyperparameter-tunings",
    key="hyperparameterTuning",
    title="Hyperparameter tuning",
    lifecycle=LIFECYCLE,
    create_body=HyperparameterTuningCreate,
    update_body=HyperparameterTuningUpdate,
    answer=HyperparameterTuningAnswer,
    plan=plan,
    present=present,
    references=references,
    name_field="hyperparameterTuningName",
    links=(experiment.MEMBERSHIP,),
    filters=(LinkFilter("experimentId", "experiment"),),
    reports=tuning_answers.REPORTS,
    shows_sources=("model",),
    copyable=True,
    template=("trainingTemplateId", "training-template"),
    adapt_template=adapt_template,
    actions=(stop(LIFECYCLE, "Hyperparameter tuning"),),
    has_logs=True,
    log_part=tuning_answers.LOG_PART,
    example=EXAMPLE,
)
