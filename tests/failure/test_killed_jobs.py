"""Jobs and model servers that are killed: a clear end for a job, a restart for a server, and nobody else is touched."""

import os
import signal

import psutil
import pytest

from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.adapters_at_hand import ForkedAdapter
from tests.failure.life import ANSWER, Life, Patient
from tests.failure.remains import doubled, processes


def process_of(training: str, which: str) -> psutil.Process | None:
    """The user's program, the launcher or the wrapper of a training; not the sandbox around the first two."""
    marks = {"user": "main.py", "launcher": "kfp_components.easymaker.launcher", "wrapper": "wrapper_main.py"}
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            text = " ".join(words)
            mine = training in text or training in " ".join(process.environ().values())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        sandbox = bool(words) and words[0].endswith("bwrap")
        if mine and not sandbox and any(word.split("/")[-1] == marks[which] for word in words):
            return process
    return None


def test_a_killed_job_fails_with_its_reason_and_alone(place: Installation, adapter: ForkedAdapter) -> None:
    life = Life(place, Patient(place))
    experiment = life.create("experiments")
    trainings = {which: life.training(experiment, which, seconds=300) for which in ("user", "launcher", "wrapper")}
    untouched = life.training(experiment, "untouched", seconds=6)
    for which, training in trainings.items():
        life.api.wait("trainings", training, "RUNNING")
        wait_for(lambda which=which: life.runs(which), PATIENCE, "the entry point has begun")
        victim = process_of(training, which)
        assert victim is not None, which
        victim.kill()
    reasons: dict[str, str] = {}
    for which, training in trainings.items():
        found = life.api.wait("trainings", training, "FAIL_TRAIN")
        reasons[which] = found["trainingStatusReason"]
        assert process_of(training, "user") is None, "nothing of a failed job goes on"
    assert "signal 9 (SIGKILL)" in reasons["user"]
    assert "killed by SIGKILL" in reasons["launcher"]
    assert "supervisor was killed" in reasons["wrapper"]
    life.api.wait("trainings", untouched, "COMPLETE")
    assert [life.runs(which) for which in (*trainings, "untouched")] == [1, 1, 1, 1]
    assert doubled(place) == []
    assert life.torn_histories() == []
    life.delete_all()


def model_server(place: Installation) -> int | None:
    """The pid of the one model server's own process."""
    for name in place.runner().names():
        if name.startswith("model-"):
            return place.runner().observe(name).pid
    return None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_model_server_is_restarted_until_it_is_hopeless(place: Installation, adapter: ForkedAdapter) -> None:
    life = Life(place, Patient(place))
    endpoint = life.create("endpoints", **life.serving(life.model()))
    life.api.wait("endpoints", endpoint, "ACTIVE")
    (stage,) = life.stages(endpoint)
    listed = life.api.ok("GET", f"/endpoint-models?endpointStageId={stage}")["endpointModelList"]
    resource = listed[0]["endpointModelId"]

    first = model_server(place)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: told_of_death(life, resource), PATIENCE, "the death is noticed and told")
    wait_for(lambda: status(life, resource) == "ACTIVE", PATIENCE, "it is up again")
    assert life.predict(endpoint) == ANSWER, "ACTIVE means that it answers"
    life.api.wait("endpoints", endpoint, "ACTIVE")

    seen = {first}
    while status(life, resource) != "CREATE_FAILED":
        pid = model_server(place)
        if pid is not None and pid not in seen:
            seen.add(pid)
            os.kill(pid, signal.SIGKILL)
        assert len(seen) <= 10, "it is never given up"
    found = life.api.get("endpoint-models", resource)
    assert "died 5 times" in found["endpointModelStatusReason"]
    assert len(seen) == 6, "one start and five restarts"
    failed = life.api.wait("endpoints", endpoint, "UPDATE_FAILED")
    assert "died 5 times" in failed["endpointStatusReason"]
    assert "predictions" not in life.predict(endpoint), "nothing is left that could answer"
    assert [name for name in processes(place) if name.startswith("model-")] == []
    life.delete_all()


def told_of_death(life: Life, resource: str) -> bool:
    """In the events, which stay; the status is ACTIVE again after a moment."""
    events = life.api.ok("GET", f"/endpoint-models/{resource}/events")["eventList"]
    return any("died (killed by SIGKILL" in event["reason"] for event in events)


def status(life: Life, resource: str) -> str:
    return life.api.get("endpoint-models", resource)["endpointModelStatusCode"]
