"""A model of a tuning is what its best training has made, and of nothing else."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.easymaker.catalogue import Catalogue, load
from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds import model
from adapters.easymaker.kinds.kind import Planning, Presenting, Reference, Site, require_ready
from adapters.easymaker.kinds.record import Family, Goal, Json, NewRecord, Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SITE = Site("test", "http://127.0.0.1", "127.0.0.1")
BEST = {"trialId": "t-0002", "trialStatusCode": "SUCCEEDED"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(None)


def tuning(catalogue: Catalogue, state: Json, **changes: Any) -> Record:
    image = next(image for image in catalogue.images if image.framework_code == "PYTORCH")
    spec = {"modelUploadUri": "nas://out:/tuned/", "imageId": image.image_id}
    fields = ("t", "hyperparameter-tuning", "local", "the tuning", "", "COMPLETE", "GoalReached", Goal.PRESENT)
    return replace(Record(*fields, spec, state, "owner", NOW, NOW, 1), **changes)


def planned(catalogue: Catalogue, record: Record, **changes: Any) -> NewRecord:
    body = model.ModelCreate.model_validate({"modelName": "best", "hyperparameterTuningId": record.id} | changes)
    (found,) = model.plan(body, Planning(catalogue, SITE, lambda: "m", {record.id: Family(record)}))
    return found


def test_its_artifact_is_the_best_trainings_output(catalogue: Catalogue) -> None:
    made = planned(catalogue, tuning(catalogue, {"optimalTrial": BEST}))
    assert made.spec["modelUploadUri"] == "nas://out:/tuned/t-0002"
    assert made.spec["modelFormatCode"] == "PYTORCH"
    assert made.links == {"hyperparameter-tuning": ("t",)}


def test_its_format_may_be_given(catalogue: Catalogue) -> None:
    record = tuning(catalogue, {"optimalTrial": BEST})
    assert planned(catalogue, record, modelFormatCode="HUGGING_FACE").spec["modelFormatCode"] == "HUGGING_FACE"


def test_its_answer_says_of_which_training_of_which_tuning_it_is(catalogue: Catalogue) -> None:
    """With the tuning's status, without which the SDK would ask for it."""
    record = tuning(catalogue, {"optimalTrial": BEST})
    made = planned(catalogue, record)
    stored = replace(record, id="m", kind="model", name=made.name, spec=made.spec, status="ACTIVE")
    shown = model.present(Family(stored, {"hyperparameter-tuning": (record,)}), Presenting(catalogue, SITE))
    assert shown["hyperparameterTuning"] == {
        "hyperparameterTuningId": "t",
        "hyperparameterTuningName": "the tuning",
        "hyperparameterTuningStatusCode": "COMPLETE",
        "trialId": "t-0002",
    }
    assert shown["training"] is None


@pytest.mark.parametrize("state", [{}, {"optimalTrial": None}])
def test_a_tuning_without_a_result_has_no_model(catalogue: Catalogue, state: Json) -> None:
    with pytest.raises(InvalidRequest, match="hyperparameterTuningId: none of its trainings has a result"):
        planned(catalogue, tuning(catalogue, state))


@pytest.mark.parametrize("status", ["RUNNING", "STOPPED", "COMPLETE_IN_PROGRESS", "FAIL_HYPERPARAMETER_TUNING"])
def test_only_of_a_complete_tuning(catalogue: Catalogue, status: str) -> None:
    reference = Reference("hyperparameter-tuning", "hyperparameter-tuning", "t", "hyperparameterTuningId")
    with pytest.raises(InvalidRequest, match=r"hyperparameterTuningId: .* has to be COMPLETE"):
        require_ready(model.KIND, reference, tuning(catalogue, {}, status=status))


@pytest.mark.parametrize("other", [{"trainingId": "x"}, {"modelUploadUri": "nas://out:/"}])
def test_of_one_thing_only(catalogue: Catalogue, other: Json) -> None:
    with pytest.raises(InvalidRequest, match="exactly one"):
        planned(catalogue, tuning(catalogue, {"optimalTrial": BEST}), **other)
