"""What each state of a TrainJob and its pods means: the table by which users see how their training does."""

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.cluster.mapping.training_states import TrainingView, observe
from adapters.easymaker.kinds.record import Json
from kfp_components.easymaker.launcher.exit_codes import ExitCode
from tests.adapters.easymaker.engines.cluster.kubernetes_states import (
    BEGAN_SECONDS,
    ENDED,
    ENDED_SECONDS,
    LATER,
    LATER_SECONDS,
    condition,
    disrupted,
    ended,
    pod,
    running,
    train_job,
    unschedulable,
    waits,
)

COMPLETE = condition("Complete", "AllJobsCompleted", "jobset completed successfully")
FAILED = condition("Failed", "FailedJobs", "jobset failed due to one or more job failures")
SUSPENDED = condition("Suspended", "Suspended", "TrainJob is suspended")


def view(job: Json | None, *pods: Json, nodes: int = 1, wanted: bool = True) -> TrainingView:
    return TrainingView(job, pods, nodes, wanted)


def table() -> dict[str, tuple[TrainingView, Phase, str]]:
    """Situation, the phase that it is, and a part of the reason."""
    active = train_job()
    return {
        "nothing there": (view(None), Phase.MISSING, ""),
        "not there whole": (view(train_job(suspend=True, applied=False)), Phase.MISSING, ""),
        "pods not made yet": (view(active), Phase.PENDING, "being created"),
        "one of two pods not made yet": (view(active, running(), nodes=2), Phase.PENDING, "being created"),
        "no room": (view(active, unschedulable("0/3 nodes are available")), Phase.PENDING, "0/3 nodes"),
        "image not there": (
            view(active, waits("ImagePullBackOff", "Back-off pulling image")),
            Phase.PENDING,
            "the image team/train:1 cannot be pulled (ImagePullBackOff): Back-off",
        ),
        "image name impossible": (view(active, waits("InvalidImageName", "no")), Phase.FAILED, "InvalidImageName"),
        "volume missing": (view(active, waits("CreateContainerConfigError", "no such")), Phase.PENDING, "no such"),
        "container being made": (view(active, waits("ContainerCreating")), Phase.PENDING, "its pods are starting"),
        "at work": (view(active, running()), Phase.RUNNING, ""),
        "one done, one at work": (view(active, ended(0), running(1), nodes=2), Phase.RUNNING, ""),
        "done, not told yet": (view(active, ended(0)), Phase.RUNNING, ""),
        "done": (view(train_job(COMPLETE), ended(0)), Phase.SUCCEEDED, ""),
        "done, pods gone": (view(train_job(COMPLETE)), Phase.SUCCEEDED, ""),
        "stopping": (view(train_job(SUSPENDED, suspend=True), running(), wanted=False), Phase.RUNNING, "checkpoints"),
        "stop not told yet": (view(train_job(suspend=True), wanted=False), Phase.RUNNING, "checkpoints"),
        "stopped": (view(train_job(SUSPENDED, suspend=True), wanted=False), Phase.STOPPED, "stopped"),
        "stopped, ended pod left": (
            view(train_job(SUSPENDED, suspend=True), ended(86), wanted=False),
            Phase.STOPPED,
            "stopped",
        ),
        "queued": (view(train_job(SUSPENDED, suspend=True)), Phase.PENDING, "suspended on the cluster"),
        "deleted by somebody": (view(train_job(deletionTimestamp=LATER), running()), Phase.FAILED, "was deleted"),
        "pod replaced": (view(active, disrupted()), Phase.PENDING, "being replaced: it was evicted"),
        "replacement at work": (
            view(active, disrupted(created="2026-01-01T09:00:00Z"), running()),
            Phase.RUNNING,
            "",
        ),
        "lost to the platform": (
            view(train_job(FAILED), disrupted("PreemptionByScheduler", 137)),
            Phase.INTERRUPTED,
            "starts again",
        ),
        "failed and lost": (
            view(train_job(FAILED), disrupted(), ended(83, "exit code 1.", rank=1), nodes=2),
            Phase.FAILED,
            "node 1: exit code 1.",
        ),
    }


@pytest.mark.parametrize("situation", table())
def test_the_phase_and_the_reason(situation: str) -> None:
    seen, phase, reason = table()[situation]
    found = observe(seen)
    assert found.phase is phase
    assert reason in found.reason
    assert bool(found.reason) == bool(reason)


@pytest.mark.parametrize("code", [code for code in ExitCode if code not in (ExitCode.SUCCESS, ExitCode.STOPPED)])
def test_the_launchers_last_words_are_the_reason(code: ExitCode) -> None:
    told = observe(view(train_job(FAILED), ended(code, "user output\n[launcher] starting\nThe last sentence.\n")))
    assert (told.phase, told.reason) == (Phase.FAILED, "The last sentence.")


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        ([ended(137, reason="OOMKilled")], "the memory of the flavor was not enough"),
        ([ended(139, "Segmentation fault\n")], "exit code 139 (SIGSEGV): Segmentation fault"),
        ([ended(127, "exec: python: not found", reason="StartError")], "exit code 127: exec: python: not found"),
        ([pod("Failed", reason="Evicted", message="Usage of EmptyDir volume exceeds 50G.")], "exceeds 50G"),
        ([pod("Failed", reason="OutOfcpu", message="Node didn't have enough")], "Node didn't have enough"),
        ([ended(86)], "ended by somebody else"),
        ([], "jobset failed due to one or more job failures"),
    ],
)
def test_other_failures_are_told_as_well_as_possible(pods: list[Json], reason: str) -> None:
    told = observe(view(train_job(FAILED), *pods))
    assert told.phase is Phase.FAILED
    assert reason in told.reason


def test_of_several_nodes_the_first_failure_counts() -> None:
    """The others end because it is gone, by themselves or because the Job has them ended."""
    nodes = (
        ended(83, "Connection reset by peer", rank=0, at="2026-01-01T10:05:01Z"),
        ended(137, rank=1, reason="OOMKilled", at=ENDED),
        ended(86, "The training was stopped on request.", rank=2, at="2026-01-01T10:04:00Z"),
    )
    told = observe(view(train_job(FAILED), *nodes, nodes=3))
    assert told.reason.startswith("node 1: the memory")


def test_the_trainers_own_time_limit_is_told_as_what_it_is() -> None:
    deadline = condition("Failed", "DeadlineExceeded", "TrainJob exceeded its active deadline")
    assert "time limit" in observe(view(train_job(deadline))).reason


@pytest.mark.parametrize(
    ("seen", "times"),
    [
        (view(train_job(), running()), (BEGAN_SECONDS, None)),
        (view(train_job(COMPLETE), ended(0)), (BEGAN_SECONDS, ENDED_SECONDS)),
        (view(train_job(COMPLETE), ended(0), ended(0, rank=1, at=LATER), nodes=2), (BEGAN_SECONDS, LATER_SECONDS)),
        (view(train_job(FAILED), ended(83)), (BEGAN_SECONDS, ENDED_SECONDS)),
        (view(train_job(SUSPENDED, suspend=True), wanted=False), (None, LATER_SECONDS)),
        (view(train_job(deletionTimestamp=LATER)), (None, LATER_SECONDS)),
        (view(train_job()), (None, None)),
    ],
)
def test_when_it_began_and_ended(seen: TrainingView, times: tuple[float | None, float | None]) -> None:
    detail = observe(seen).detail
    # A start that no pod tells any more must not wipe out the one that is stored.
    assert (detail.get("startedAt"), detail["finishedAt"]) == times
    assert times[0] is not None or "startedAt" not in detail


def test_reasons_are_one_line_of_bounded_length() -> None:
    told = observe(view(train_job(FAILED), ended(83, "\x1b[31ma\nline of\twords " * 400)))
    assert len(told.reason) <= 500
    assert told.reason.isprintable()
