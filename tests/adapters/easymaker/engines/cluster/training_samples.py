"""Trainings and experiments made up for the tests of the mapping."""

from datetime import UTC, datetime
from typing import Any

from adapters.easymaker.catalogue import Catalogue, load
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.mapping.training_jobs import TrainingSite
from adapters.easymaker.kinds import metric_regex
from adapters.easymaker.kinds.record import Goal, Json, Record

TRAINING_ID = "3c2e1f5a-7d64-4b8e-9a51-0f6f0c1d2e3f"
TUNING_ID = "9d3f6c1e-2a44-4c0b-8f55-6b7a8c9d0e1f"
EXPERIMENT_ID = "a7b0c5d2-1111-4222-8333-944445555666"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
OBS = "obs://storage.example.com/v1/AUTH_0123456789abcdef/data"


def cluster_settings(**changes: Any) -> ClusterSettings:
    return ClusterSettings.model_construct(**changes)


def catalogue(**flavor_changes: Any) -> Catalogue:
    """The shipped one; with changes, they are made to its GPU flavor."""
    shipped = load()
    flavors = tuple(f.model_copy(update=flavor_changes) if f.gpu_flavor else f for f in shipped.flavors)
    return shipped.model_copy(update={"flavors": flavors})


def site(**changes: Any) -> TrainingSite:
    given: dict[str, Any] = {"catalogue": load(), "cluster": cluster_settings(), "region": "kr1"}
    return TrainingSite(**given | changes)


def image_id(name: str = "Ubuntu 22.04 CPU Python Training") -> str:
    return load().images_by_name[name].image_id


def flavor_id(name: str = "m2.c4m8") -> str:
    return next(flavor.id for flavor in load().flavors if flavor.name == name)


def _record(kind: str, values: Json, spec: Json) -> Record:
    given: Json = {
        "kind": kind,
        "appkey": "team-a",
        "description": "",
        "status": "CREATE_REQUESTED",
        "reason": "",
        "goal": Goal.PRESENT,
        "spec": spec,
        "state": {},
        "created_by": "ann@example.com",
        "created_at": BEGAN,
        "updated_at": BEGAN,
        "version": 1,
    }
    return Record(**given | values)


def training(values: Json | None = None, **spec: Any) -> Record:
    """``spec`` replaces fields of the create request; ``values`` those of the record."""
    given: Json = {
        "experimentId": EXPERIMENT_ID,
        "imageId": image_id(),
        "flavorId": flavor_id(),
        "sourceDirUri": "nas://data:/iris/source",
        "entryPoint": "train.py",
        "modelUploadUri": "nas://results:/iris/model",
        "timeoutMinutes": 60,
    }
    return _record("training", {"id": TRAINING_ID, "name": "iris"} | (values or {}), given | spec)


def hyperparameter(name: str, of_type: str = "double", **values: str) -> Json:
    """``min="1"`` becomes hyperparameterMinValue and so on."""
    keys = {"min": "MinValue", "max": "MaxValue", "step": "Step", "values": "SpecifiedValues"}
    fields = {f"hyperparameter{keys[key]}": value for key, value in values.items()}
    return {"hyperparameterName": name, "hyperparameterTypeCode": of_type} | fields


def tuning(values: Json | None = None, **spec: Any) -> Record:
    """As its create request is resolved: with everything filled in that has a default."""
    given: Json = {
        "experimentId": EXPERIMENT_ID,
        "imageId": image_id(),
        "flavorId": flavor_id(),
        "sourceDirUri": "nas://data:/iris/source",
        "entryPoint": "train.py",
        "modelUploadUri": "nas://results:/iris/tuned",
        "timeoutMinutes": 60,
        "instanceCount": 1,
        "parallelTrialCount": 1,
        "hyperparameterSpecList": [hyperparameter("rate", min="0.001", max="0.1")],
        "metricList": [{"name": "accuracy"}],
        "metricRegex": metric_regex.DEFAULT,
        "objectiveMetric": {"name": "accuracy"},
        "objectiveTypeCode": "MAXIMIZE",
        "tuningStrategyName": "RANDOM",
        "maxTrialCount": 20,
        "earlyStoppingMinTrialCount": 3,
        "earlyStoppingStartStep": 4,
    }
    return _record("hyperparameter-tuning", {"id": TUNING_ID, "name": "tuned"} | (values or {}), given | spec)


def experiment(values: Json | None = None) -> Record:
    return _record("experiment", {"id": EXPERIMENT_ID, "name": "iris"} | (values or {}), {"experimentName": "iris"})
