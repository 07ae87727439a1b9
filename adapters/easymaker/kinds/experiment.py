"""Experiments group related trainings (guide, chapter Experiment)."""

from collections.abc import Sequence
from typing import Any

from adapters.easymaker.kinds.actions import retry
from adapters.easymaker.kinds.fields import Answer, Body, CreateBody, Description, Name
from adapters.easymaker.kinds.kind import Kind, Link, Planning, Presenting, Report
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord

LIFECYCLE = Lifecycle(
    requested="CREATE_REQUESTED",
    creating="CREATE_IN_PROGRESS",
    up="ACTIVE",
    create_failed="CREATE_FAILED",
    retry=True,
    descriptions={
        "CREATE_REQUESTED": "Creating an experiment is requested.",
        "CREATE_IN_PROGRESS": "An experiment is being created.",
        "CREATE_FAILED": "The experiment could not be created; retry it.",
        "ACTIVE": "The experiment is created; trainings can use it.",
        "DELETE_IN_PROGRESS": "The experiment is being deleted.",
    },
)


# Of whatever belongs to an experiment and runs in it.
MEMBERSHIP = Link(
    "experiment",
    "experiment",
    ready=frozenset({"ACTIVE"}),
    pending=frozenset({"CREATE_REQUESTED", "CREATE_IN_PROGRESS"}),
    blocks_delete=True,
)


class ExperimentCreate(CreateBody):
    experiment_name: Name


class ExperimentUpdate(Body):
    experiment_name: Name | None = None
    description: Description | None = None


class ExperimentAnswer(Answer):
    experiment_id: str
    experiment_name: str
    experiment_status_code: str
    tensorboard_access_uri: str
    created_datetime: str


def plan(body: ExperimentCreate, planning: Planning) -> Sequence[NewRecord]:
    return [
        NewRecord(
            id=planning.new_id(),
            kind=KIND.name,
            name=body.experiment_name,
            description=body.description or "",
            spec=body.wire(),
            status=LIFECYCLE.requested,
        )
    ]


def summary(family: Family, presenting: Presenting) -> Json:
    """An experiment inside another answer. Its status must be there: without it the SDK fetches each one again."""
    experiment = family.ref("experiment")
    if experiment is None:
        return {}
    return {
        "experimentId": experiment.id,
        "experimentName": experiment.name,
        "experimentStatusCode": experiment.status,
        "description": experiment.description,
        "tensorboardAccessUri": presenting.site.tensorboard_uri(experiment.appkey, experiment.id),
        "appKey": experiment.appkey,
        "createdDatetime": experiment.created_at.isoformat(),
    }


def present(family: Family, presenting: Presenting) -> Json:
    record = family.record
    answer: dict[str, Any] = KIND.common_answer(record)
    answer["tensorboardAccessUri"] = presenting.site.tensorboard_uri(record.appkey, record.id)
    return answer


KIND = Kind(
    name="experiment",
    plural="experiments",
    key="experiment",
    title="Experiment",
    lifecycle=LIFECYCLE,
    create_body=ExperimentCreate,
    update_body=ExperimentUpdate,
    answer=ExperimentAnswer,
    plan=plan,
    present=present,
    name_field="experimentName",
    reports=(
        Report(
            path="tensorboard",
            key="tensorboard",
            summary="Start TensorBoard over the experiment's trainings, or find the one that runs, and say where it is",
            example={"uri": "http://127.0.0.1:46001/3f0c…/", "status": "RUNNING"},
        ),
    ),
    actions=(retry(LIFECYCLE, "Experiment"),),
    example={"experimentName": "iris", "description": "Iris classification"},
)
