"""Hyperparameter tunings run a user's program many times and look for the best settings (guide, that chapter)."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.easymaker.kinds import experiment
from adapters.easymaker.kinds.actions import stop
from adapters.easymaker.kinds.fields import Answer, Body, Description, Id, Name
from adapters.easymaker.kinds.kind import (
    Kind,
    Link,
    LinkFilter,
    Planning,
    Presenting,
    QueryParameter,
    Reference,
    Report,
)
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord
from adapters.easymaker.kinds.run_answers import board_of, elapsed_seconds, models_made
from adapters.easymaker.kinds.training_settings import present_run
from adapters.easymaker.kinds.tuning_settings import TuningSettings, check, resolved

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
TRIAL_ID = QueryParameter("trialId", "Only this training of the tuning")
COUNTS = (
    "successfulTrialCount",
    "runningTrialCount",
    "failedTrialCount",
    "earlyStoppedTrialCount",
    "killedTrialCount",
    "metricsUnavailableTrialCount",
)
SHOWN = (
    "hyperparameterSpecList",
    "metricList",
    "metricRegex",
    "objectiveMetric",
    "objectiveTypeCode",
    "objectiveGoal",
    "maxFailedTrialCount",
    "maxTrialCount",
    "parallelTrialCount",
    "tuningStrategyName",
    "tuningStrategyRandomState",
    "earlyStoppingAlgorithm",
    "earlyStoppingMinTrialCount",
    "earlyStoppingStartStep",
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


def adapt_template(settings: Json, given: Mapping[str, Any]) -> Json:
    """A template counts the nodes of one training, a tuning those of all that run at the same time."""
    parallel = given.get("parallelTrialCount", 1)
    nodes = settings.get("instanceCount")
    if not isinstance(nodes, int) or not isinstance(parallel, int):
        return settings
    return settings | {"instanceCount": nodes * parallel}


def nodes_of_a_trial(spec: Json) -> int:
    return int(spec["instanceCount"]) // int(spec["parallelTrialCount"])


def trial_uri(uri: str, trial_id: str) -> str:
    """Where one training of a tuning puts what a training by itself puts at ``uri``."""
    return f"{uri.rstrip('/')}/{trial_id}"


def summary(family: Family, role: str) -> Json | None:
    """A tuning inside another answer."""
    tuning = family.ref(role)
    if tuning is None:
        return None
    return {KIND.id_field: tuning.id, KIND.name_field or "": tuning.name, KIND.status_field: tuning.status}


def present(family: Family, presenting: Presenting) -> Json:
    record = family.record
    best = record.state.get("optimalTrial")
    return (
        KIND.common_answer(record)
        | present_run(record.spec, presenting.catalogue)
        | board_of(record, presenting)
        | {name: record.spec.get(name) for name in SHOWN}
        | {name: record.state.get(name, 0) for name in COUNTS}
        | {
            "objectiveMetricName": record.spec["objectiveMetric"]["name"],
            "experiment": experiment.summary(family, presenting),
            "elapsedTimeSeconds": elapsed_seconds(record.state),
            "optimalTrialId": best["trialId"] if best else None,
            "optimalTrial": best,
            "modelList": models_made(family),
            "limits": record.state.get("limits"),
        }
    )


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
    links=(
        Link(
            "experiment",
            "experiment",
            ready=frozenset({"ACTIVE"}),
            pending=frozenset({"CREATE_REQUESTED", "CREATE_IN_PROGRESS"}),
            blocks_delete=True,
        ),
    ),
    filters=(LinkFilter("experimentId", "experiment"),),
    reports=(
        Report(
            path="trials",
            key="trialList",
            summary="The trainings of the tuning, in the order of their start, each with its values and its metrics",
            example=[
                {
                    "trialId": "3f0c81d2-0001",
                    "trialStatusCode": "SUCCEEDED",
                    "hyperparameterList": [{"parameterName": "lr", "parameterValue": "0.03"}],
                    "targetMetricValue": "0.97",
                }
            ],
        ),
        Report(
            path="metrics",
            key="metricSeriesList",
            summary="Every value of every metric of the tuning's trainings, in the order in which it was logged",
            query=(TRIAL_ID,),
            example=[
                {
                    "trialId": "3f0c81d2-0001",
                    "trialMetricName": "accuracy",
                    "valueList": [{"datetime": "2026-01-01T00:00:00+00:00", "value": "0.97"}],
                }
            ],
        ),
    ),
    shows_sources=("model",),
    copyable=True,
    template=("trainingTemplateId", "training-template"),
    adapt_template=adapt_template,
    actions=(stop(LIFECYCLE, "Hyperparameter tuning"),),
    has_logs=True,
    log_part=QueryParameter("trialId", "The log of this training of the tuning, instead of the tuning's own"),
    example={
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
    },
)
