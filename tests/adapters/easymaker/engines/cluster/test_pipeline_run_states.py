"""Runs as Kubeflow Pipelines tells of them, as the loop and users understand them; when schedules fire there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.easymaker.engines.base import Phase
from adapters.easymaker.engines.cluster.mapping import pipeline_run_graphs, pipeline_run_states
from adapters.easymaker.engines.cluster.mapping.pipeline_pods import last_words, pods_of_step, step_of
from adapters.easymaker.engines.cluster.mapping.pipeline_requests import trigger
from adapters.easymaker.engines.cluster.mapping.schedule_runs import next_slot
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json
from tests.adapters.easymaker.engines.cluster import pipeline_samples as made

NEVER, BEGAN, ENDED = "1970-01-01T00:00:00Z", "2026-01-01T00:00:10Z", "2026-01-01T00:01:00Z"
PHASES = {
    "PENDING": Phase.PENDING,
    "RUNTIME_STATE_UNSPECIFIED": Phase.PENDING,
    "RUNNING": Phase.RUNNING,
    "PAUSED": Phase.RUNNING,
    "CANCELING": Phase.RUNNING,
    "SUCCEEDED": Phase.SUCCEEDED,
    "SKIPPED": Phase.SUCCEEDED,
    "FAILED": Phase.FAILED,
    "CANCELED": Phase.STOPPED,
}


def run(state: str, *tasks: tuple[str, str], **more: Any) -> Json:
    details = [
        {
            "display_name": name,
            "state": of,
            "start_time": BEGAN,
            "end_time": ENDED if of in ("SUCCEEDED", "FAILED") else NEVER,
        }
        for name, of in tasks
    ]
    given = {"state": state, "created_at": BEGAN, "finished_at": NEVER, "pipeline_spec": made.spec()}
    return given | {"run_details": {"task_details": details}} | more


@pytest.mark.parametrize("state", PHASES)
def test_states_are_phases(state: str) -> None:
    assert pipeline_run_states.observe(run(state)).phase is PHASES[state]


def test_every_state_of_kubeflow_pipelines_has_a_phase() -> None:
    from kfp_server_api.models import V2beta1RuntimeState

    assert set(V2beta1RuntimeState.allowable_values) == set(PHASES)


def test_what_has_not_happened_is_not_in_1970() -> None:
    seen = pipeline_run_states.observe(run("RUNNING"))
    assert "finishedAt" not in seen.detail
    assert "startedAt" not in pipeline_run_states.observe(run("PENDING")).detail
    ended = pipeline_run_states.observe(run("SUCCEEDED", finished_at=ENDED)).detail
    assert ended["finishedAt"] - ended["startedAt"] == 50


def test_a_failure_names_steps_and_not_groups() -> None:
    failed = run("FAILED", ("two-steps-x", "FAILED"), ("root", "FAILED"), ("train", "FAILED"), ("executor", "FAILED"))
    assert pipeline_run_states.observe(failed, "exit code 3").reason == "step train failed: exit code 3"
    assert pipeline_run_states.observe(run("FAILED")).reason == "the run failed in Kubeflow Pipelines"


def test_a_run_that_was_not_made_by_us_has_no_graph() -> None:
    assert pipeline_run_graphs.pipeline_graph({"pipeline_spec": {"root": 1}}) == {"nodes": [], "edges": []}
    assert pipeline_run_graphs.pipeline_graph({}) == {"nodes": [], "edges": []}


def states_of(given: Json) -> dict[str, str]:
    found = pipeline_run_graphs.views(given, pipeline_run_graphs.pipeline_graph(given))
    return {node.id: node.state for node in found}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (run("PENDING"), ("PENDING", "PENDING")),
        (run("RUNNING", ("prepare-driver", "RUNNING")), ("RUNNING", "PENDING")),
        (run("RUNNING", ("prepare-driver", "SUCCEEDED")), ("PENDING", "PENDING")),
        (run("RUNNING", ("prepare", "SUCCEEDED"), ("train(0)", "RUNNING")), ("SUCCEEDED", "RUNNING")),
        (run("FAILED", ("prepare-driver", "FAILED")), ("FAILED", "SKIPPED")),
        (run("FAILED", ("prepare(0)", "FAILED"), ("prepare(1)", "SUCCEEDED")), ("FAILED", "SKIPPED")),
        (run("CANCELED", ("prepare", "CANCELED")), ("CANCELED", "CANCELED")),
        (run("CANCELED", ("prepare", "SUCCEEDED"), ("train", "FAILED")), ("SUCCEEDED", "CANCELED")),
        (run("SUCCEEDED", ("prepare", "SUCCEEDED"), ("train", "SKIPPED")), ("SUCCEEDED", "SKIPPED")),
    ],
)
def test_steps_have_the_state_of_what_is_told_by_their_name(given: Json, expected: tuple[str, str]) -> None:
    assert states_of(given) == dict(zip(("prepare", "train"), expected, strict=True))


def pod(name: str, created: str = BEGAN, **status: Any) -> Json:
    annotations = {"workflows.argoproj.io/node-name": name}
    return {"metadata": {"name": name, "annotations": annotations, "creationTimestamp": created}, "status": status}


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("two-steps-x7k.root.train.executor", "train"),
        ("two-steps-x7k.root.train.executor(1)", "train"),
        ("two-steps-x7k.root.inner.train.executor", "inner/train"),
        ("x.root.for-loop-1.iteration(0:item:a.b (c)).train.executor", "for-loop-1/train"),
        ("x.root.for-loop-1.for-loop-1-iterator.iteration-item(2).train.executor", "for-loop-1/train"),
        ("x.root.train-driver", ""),
        ("x.root-driver", ""),
        ("x", ""),
        ("", ""),
    ],
)
def test_pods_are_those_of_steps(name: str, step: str) -> None:
    assert step_of(pod(name)) == step


def test_the_newest_pod_of_a_step_is_the_last() -> None:
    pods = [pod("x.root.train.executor(1)", ENDED), pod("x.root.train.executor(0)"), pod("x.root.prepare.executor")]
    assert [each["metadata"]["name"] for each in pods_of_step(pods, "train")] == [
        "x.root.train.executor(0)",
        "x.root.train.executor(1)",
    ]


def ended(code: int, message: str, at: str) -> Json:
    terminated = {"exitCode": code, "message": message, "finishedAt": at}
    return {"containerStatuses": [{"name": "main", "state": {"terminated": terminated}}]}


def test_last_words_are_those_of_what_failed_last() -> None:
    pods = [
        pod("a", **ended(1, "first", BEGAN)),
        pod("b", **ended(2, "last\nwords", ENDED)),
        pod("c", **ended(0, "well", ENDED)),
    ]
    assert last_words(pods) == "last words (exit code 2)"
    assert last_words([pod("a", **ended(137, "", BEGAN))]) == "exit code 137"
    assert last_words([pod("a")]) == ""


def times(**more: Any) -> Json:
    return {"scheduleTimeZone": "UTC"} | more


def test_an_interval_is_told_in_seconds_with_its_bounds() -> None:
    start, end = "2026-12-24T09:00:00+09:00", "2026-12-25T00:00:00+00:00"
    given = times(schedulePeriodicMinutes=90, scheduleStartDatetime=start, scheduleEndDatetime=end)
    assert trigger(given | {"scheduleTimeZone": "Asia/Seoul"}, "UTC") == {
        "periodic_schedule": {
            "interval_second": "5400",
            "start_time": "2026-12-24T00:00:00Z",
            "end_time": "2026-12-25T00:00:00Z",
        }
    }


@pytest.mark.parametrize(
    ("zone", "expression", "sent"),
    [
        ("UTC", "0 30 4 * * *", "0 30 4 * * *"),
        ("Etc/UTC", "0 30 4 * * *", "0 30 4 * * *"),
        ("Asia/Seoul", "CRON_TZ=UTC 0 30 4 * * *", "0 30 4 * * *"),
        ("Asia/Seoul", "@every 90m", "@every 90m"),
    ],
)
def test_expressions_in_the_zone_of_kubeflow_pipelines(zone: str, expression: str, sent: str) -> None:
    """Its cron is robfig's first version, which knows no CRON_TZ."""
    given = times(scheduleCronExpression=expression) | {"scheduleTimeZone": zone}
    assert trigger(given, "UTC") == {"cron_schedule": {"cron": sent}}


def test_expressions_in_another_zone_are_refused_with_what_would_help() -> None:
    given = times(scheduleCronExpression="0 30 4 * * *") | {"scheduleTimeZone": "Asia/Seoul"}
    with pytest.raises(PermanentEngineError, match="EASYMAKER_CLUSTER_PIPELINES_TIME_ZONE"):
        trigger(given, "UTC")
    assert trigger(given, "Asia/Seoul") == {"cron_schedule": {"cron": "0 30 4 * * *"}}


def test_the_next_slot_is_as_the_schedule_says() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    nightly = made.schedule(scheduleCronExpression="0 30 4 * * *")
    last = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    assert next_slot(nightly, last.isoformat(), now) == (last + timedelta(days=1)).isoformat()
    over = made.schedule(scheduleCronExpression="0 30 4 * * *", scheduleEndDatetime="2026-02-01T00:00:00+00:00")
    assert next_slot(over, None, now) is None
