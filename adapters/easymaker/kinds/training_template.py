"""Training templates keep settings for later trainings and tunings (guide, chapter Training Template)."""

from collections.abc import Sequence

from adapters.easymaker.kinds.fields import Answer, Name
from adapters.easymaker.kinds.kind import Kind, Planning, Presenting
from adapters.easymaker.kinds.lifecycle import Lifecycle
from adapters.easymaker.kinds.record import Family, Json, NewRecord
from adapters.easymaker.kinds.training_settings import TrainingSettings, check, present_settings

LIFECYCLE = Lifecycle(
    requested="ACTIVE",
    creating="ACTIVE",
    up="ACTIVE",
    create_failed="ACTIVE",
    descriptions={
        "ACTIVE": "The template can be used.",
        "DELETE_IN_PROGRESS": "The template is being deleted.",
    },
)


class TrainingTemplateCreate(TrainingSettings):
    training_template_name: Name


class TrainingTemplateAnswer(Answer):
    training_template_id: str
    training_template_name: str
    training_template_status_code: str
    created_datetime: str


def plan(body: TrainingTemplateCreate, planning: Planning) -> Sequence[NewRecord]:
    check(body, planning.catalogue)
    return [
        NewRecord(
            id=planning.new_id(),
            kind=KIND.name,
            name=body.training_template_name,
            description=body.description or "",
            spec=body.wire(),
            status=LIFECYCLE.requested,
        )
    ]


def present(family: Family, presenting: Presenting) -> Json:
    return KIND.common_answer(family.record) | present_settings(family.record.spec, presenting.catalogue)


KIND = Kind(
    name="training-template",
    plural="training-templates",
    key="trainingTemplate",
    title="Training template",
    lifecycle=LIFECYCLE,
    create_body=TrainingTemplateCreate,
    update_body=TrainingTemplateCreate,
    answer=TrainingTemplateAnswer,
    plan=plan,
    present=present,
    name_field="trainingTemplateName",
    copyable=True,
    example={
        "trainingTemplateName": "iris template",
        "imageId": "8d1c…",
        "flavorId": "68ce…",
        "sourceDirUri": "nas://data:/iris/source",
        "entryPoint": "train_iris.py",
        "modelUploadUri": "nas://data:/iris/model",
    },
)
