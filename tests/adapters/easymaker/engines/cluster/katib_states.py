"""Experiments, trials and their jobs as Katib leaves them, for tests."""

from typing import Any

from adapters.easymaker.engines.cluster.names import APPLIED
from adapters.easymaker.kinds.record import Json
from tests.adapters.easymaker.engines.cluster import kubernetes_states as states
from tests.adapters.easymaker.engines.cluster.kubernetes_states import BEGAN, ENDED, condition
from tests.adapters.easymaker.engines.cluster.training_samples import TUNING_ID

NAME = f"em-{TUNING_ID}"


def experiment(*conditions: Json, applied: bool = True, metadata: Json | None = None, **status: Any) -> Json:
    """As the cache holds it."""
    meta: Json = {"name": NAME, "uid": "1", "resourceVersion": "7", "annotations": {APPLIED: "x"} if applied else {}}
    found = {"conditions": list(conditions), "startTime": BEGAN} | status
    return {"metadata": meta | (metadata or {}), "status": found}


def trial(number: int, *kinds: str, value: str | None = None, **values: str) -> Json:
    """The conditions that hold, and the value of the objective ``accuracy``."""
    status: Json = {"startTime": BEGAN, "conditions": [condition(kind) for kind in ("Created", *kinds)]}
    if {"Succeeded", "Failed", "EarlyStopped", "MetricsUnavailable"} & set(kinds):
        status["completionTime"] = ENDED
    if value is not None:
        metric = {"name": "accuracy", "min": value, "max": value, "latest": value}
        status["observation"] = {"metrics": [metric]}
    given = [{"name": name, "value": text} for name, text in ({"rate": f"0.0{number}"} | values).items()]
    meta = {"name": trial_name(number), "creationTimestamp": f"2026-01-01T10:00:0{number}Z"}
    return {"metadata": meta, "spec": {"parameterAssignments": given}, "status": status}


def trial_name(number: int) -> str:
    return f"{NAME}-{number:08d}"


def job(number: int, *conditions: Json, suspend: bool = False) -> Json:
    return states.train_job(*conditions, suspend=suspend, applied=False, name=trial_name(number))


def pod_of(number: int, pod: Json) -> Json:
    labels = pod["metadata"]["labels"] | {"jobset.sigs.k8s.io/jobset-name": trial_name(number)}
    return pod | {"metadata": pod["metadata"] | {"labels": labels, "name": f"{trial_name(number)}-node-0-0"}}
