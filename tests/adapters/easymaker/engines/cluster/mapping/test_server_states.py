"""How a model server on the cluster reads as a status, and which reason its owner is told."""

from typing import Any

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.cluster.mapping.runtimes import RUNTIMES
from adapters.easymaker.engines.cluster.mapping.server_states import MOST_RESTARTS, ServerView, observe
from adapters.easymaker.engines.cluster.names import APPLIED
from adapters.easymaker.kinds.record import Json
from kserve_runtimes.models.mlserver_command import EXIT_MODEL_NOT_LOADED
from kserve_runtimes.storage.exit_codes import ExitCode

DIGEST = "what it should be"
UP = {"type": "PredictorReady", "status": "True"}
STARTING = {
    "type": "PredictorReady",
    "status": "False",
    "reason": "MinimumReplicasUnavailable",
    "message": "Deployment does not have minimum availability.",
}
READY = {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}


def service(*conditions: Json, digest: str = DIGEST, model: Json | None = None, **metadata: Any) -> Json:
    """An InferenceService as the cache holds it."""
    status: Json = {"conditions": list(conditions)} | ({"modelStatus": model} if model else {})
    return {"metadata": {"name": "em-x", "annotations": {APPLIED: digest}} | metadata, "status": status}


def pod(status: Json, **metadata: Any) -> Json:
    return {"metadata": {"name": "pod"} | metadata, "status": status}


def ended(code: int, message: str = "", reason: str = "Error") -> Json:
    return {"terminated": {"exitCode": code, "message": message, "reason": reason}}


def crashed(container: str, end: Json, restarts: int = 1, phase: str = "Running") -> Json:
    """A container that has ended and waits for its next start."""
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}}
    status = {"name": container, "restartCount": restarts, "state": waiting, "lastState": end}
    kind = "initContainerStatuses" if container == "storage-initializer" else "containerStatuses"
    return pod({"phase": phase, kind: [status]})


def waits(reason: str, message: str, image: str = "") -> Json:
    status = {"name": "kserve-container", "image": image, "state": {"waiting": {"reason": reason, "message": message}}}
    return pod({"phase": "Pending", "containerStatuses": [status]})


def unschedulable(message: str) -> Json:
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    return pod({"phase": "Pending", "conditions": conditions})


def look(of: Json | None, *pods: Json, wanted: int = 1, digest: str | None = DIGEST) -> Any:
    return observe(ServerView(of, pods, digest, wanted, RUNTIMES["SKLEARN"].hopeless_exit_codes))


def test_up_when_kserve_says_so_and_all_pods_are_ready() -> None:
    seen = look(service(UP), pod(READY), pod(READY), wanted=2)
    assert (seen.phase, seen.detail) == (Phase.RUNNING, {"readyPods": 2, "pods": 2})


def test_more_pods_than_asked_for_are_the_autoscalers_doing() -> None:
    assert look(service(UP), pod(READY), pod(READY), pod({"phase": "Pending"})).phase is Phase.RUNNING


def test_ingress_of_kserve_does_not_matter() -> None:
    """The endpoints' gateway is the way in; KServe's own may be switched off."""
    no_way_in = {"type": "IngressReady", "status": "False"}
    assert look(service(UP, no_way_in), pod(READY)).phase is Phase.RUNNING


def test_fewer_ready_pods_than_asked_for_is_not_up() -> None:
    seen = look(service(UP), pod(READY), pod({"phase": "Running"}), wanted=2)
    assert (seen.phase, seen.reason) == (Phase.PENDING, "1 of 2 model servers are ready")
    assert seen.detail == {"readyPods": 1, "pods": 2}


def test_pods_on_their_way_out_and_ended_ones_do_not_count() -> None:
    leaving = pod(READY, deletionTimestamp="2026-01-01T00:00:00Z")
    evicted = pod({"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"})
    assert look(service(UP), leaving, evicted).detail == {"readyPods": 0, "pods": 0}


def test_missing_outdated_and_leaving() -> None:
    assert look(None).phase is Phase.MISSING
    assert "up to date" in look(service(UP, digest="older"), pod(READY)).reason
    assert look(service(UP, digest="older"), pod(READY), digest=None).phase is Phase.RUNNING
    assert "being removed" in look(service(UP, deletionTimestamp="2026-01-01T00:00:00Z"), pod(READY)).reason


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (unschedulable("0/3 nodes are available: 3 Insufficient cpu."), "3 Insufficient cpu"),
        (waits("ImagePullBackOff", 'Back-off pulling image "x/y:1"', "x/y:1"), "the image x/y:1 cannot be pulled"),
        (waits("ErrImagePull", "unauthorized"), "unauthorized"),
        (waits("CreateContainerConfigError", 'secret "em-m-secret" not found'), 'secret "em-m-secret" not found'),
        (crashed("kserve-container", ended(1, "a\nTraceback\nValueError: no")), "exit code 1: ValueError: no"),
        (crashed("kserve-container", ended(137, reason="OOMKilled")), "memory of its share is not enough"),
        (
            crashed("storage-initializer", ended(ExitCode.UNAVAILABLE, "The storage h answered 503."), phase="Pending"),
            "the model cannot be downloaded: The storage h answered 503.",
        ),
    ],
)
def test_while_it_may_still_come_up_the_reason_is_told(seen: Json, reason: str) -> None:
    found = look(service(STARTING), seen)
    assert found.phase is Phase.PENDING
    assert reason in found.reason
    assert found.detail == {"readyPods": 0, "pods": 1}


NOT_FOUND = ended(ExitCode.NOT_FOUND, "obs://h/x does not exist, or nothing lies there.")
INVALID_SPEC = {
    "transitionStatus": "InvalidSpec",
    "lastFailureInfo": {"reason": "RuntimeNotRecognized", "message": "Waiting for runtime to become available"},
}
BLOCKED = {
    "transitionStatus": "BlockedByFailedLoad",
    "lastFailureInfo": {"reason": "ModelLoadFailed", "exitCode": 3, "message": "model.joblib cannot be read"},
}


@pytest.mark.parametrize(
    ("of", "pods", "reason"),
    [
        (
            service(STARTING),
            [crashed("kserve-container", ended(EXIT_MODEL_NOT_LOADED, "Traceback\nThe model directory has no file."))],
            "The model directory has no file.",
        ),
        (service(STARTING), [crashed("storage-initializer", NOT_FOUND, 0, "Pending")], "nothing lies there"),
        (
            service(STARTING),
            [crashed("kserve-container", ended(1, "no"), MOST_RESTARTS)],
            f"exit code 1: no, {MOST_RESTARTS} times by now",
        ),
        (service(STARTING), [waits("InvalidImageName", "couldn't parse")], "couldn't parse"),
        (service(STARTING, model=INVALID_SPEC), [], "RuntimeNotRecognized): Waiting for runtime"),
        (service(STARTING, model=BLOCKED), [], "model.joblib cannot be read"),
    ],
)
def test_what_starting_again_cannot_mend_is_a_failure(of: Json, pods: list[Json], reason: str) -> None:
    seen = look(of, *pods)
    assert seen.phase is Phase.FAILED
    assert reason in seen.reason


def test_as_long_as_a_pod_answers_nothing_is_given_up() -> None:
    bad = crashed("kserve-container", ended(EXIT_MODEL_NOT_LOADED, "cannot be read"))
    seen = look(service(UP), bad, pod(READY), wanted=2)
    assert (seen.phase, seen.reason) == (Phase.PENDING, "cannot be read")


def test_of_several_reasons_the_lasting_one_is_told() -> None:
    bad = crashed("kserve-container", ended(EXIT_MODEL_NOT_LOADED, "cannot be read"))
    assert look(service(STARTING), unschedulable("no node"), bad, wanted=2).reason == "cannot be read"


def test_an_old_failure_is_not_told_of_pods_that_are_starting() -> None:
    assert look(service(STARTING, model=BLOCKED), pod({"phase": "Pending"})).phase is Phase.PENDING


def test_what_kserve_cannot_set_up_is_told() -> None:
    failed = {
        "type": "PredictorReady",
        "status": "False",
        "reason": "ReconcileFailed",
        "message": "StorageURI not supported: obs",
    }
    assert look(service(failed)).reason == "the model server cannot be set up: StorageURI not supported: obs"


@pytest.mark.parametrize("of", [service(), service(STARTING), service({"type": "PredictorReady", "status": "Unknown"})])
def test_before_there_is_a_pod_nothing_is_wrong(of: Json) -> None:
    assert look(of).reason == "its pods are being created"
