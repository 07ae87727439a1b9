"""From what Katib says of an experiment and its trials to what the tuning is, and why."""

from typing import Any

import pytest

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.mapping.trial_states import last_values, seen_trials, trial_view
from adapters.easymaker.engines.cluster.mapping.tuning_logs import story
from adapters.easymaker.engines.cluster.mapping.tuning_states import (
    STOPPED_REASON,
    TuningView,
    is_over,
    observe,
    stopped_status,
)
from adapters.easymaker.kinds.record import Json
from tests.adapters.easymaker.engines.cluster import kubernetes_states as states
from tests.adapters.easymaker.engines.cluster.katib_states import experiment, job, pod_of, trial, trial_name
from tests.adapters.easymaker.engines.cluster.kubernetes_states import BEGAN_SECONDS, LATER, condition
from tests.adapters.easymaker.engines.cluster.training_samples import hyperparameter, tuning

NOW = BEGAN_SECONDS + 3600
SUSPENDED = condition("Suspended")


def seen(of: Json, *trials: Json, jobs: tuple[Json, ...] = (), pods: tuple[Json, ...] = (), **spec: Any) -> Observation:
    found = seen_trials(trials, jobs, pods, 1, over=is_over(of))
    return observe(TuningView(tuning(**spec), of, found, pods), NOW)


def ended(kind: str, reason: str, message: str = "") -> Json:
    return experiment(condition("Created"), condition(kind, reason, message or reason), completionTime=LATER)


@pytest.mark.parametrize("of", [None, experiment(condition("Created"), applied=False)])
def test_what_is_not_there_whole_is_missing(of: Json | None) -> None:
    assert observe(TuningView(tuning(), of), NOW).phase is Phase.MISSING


def test_before_its_first_trial_it_is_pending_and_says_why() -> None:
    assert "being chosen" in seen(experiment(condition("Created"))).reason
    stuck = seen(experiment(condition("Created")), pods=(states.waits("ImagePullBackOff", "no such image"),))
    assert stuck.phase is Phase.PENDING
    assert stuck.reason.startswith("the suggestion service: the image")


def test_with_trials_it_runs_and_counts_them() -> None:
    running = seen(
        experiment(condition("Running")),
        trial(1, "Succeeded", value="0.7"),
        trial(2, "Running"),
        trial(3, "Failed"),
        trial(4, "EarlyStopped", value="0.1"),
        trial(5, "MetricsUnavailable"),
        trial(6),
    )
    assert running.phase is Phase.RUNNING
    counts = {name: count for name, count in running.detail.items() if name.endswith("TrialCount")}
    assert counts == {
        "successfulTrialCount": 1,
        "runningTrialCount": 1,
        "failedTrialCount": 1,
        "earlyStoppedTrialCount": 1,
        "killedTrialCount": 0,
        "metricsUnavailableTrialCount": 1,
    }
    assert running.detail["optimalTrial"]["trialId"] == trial_name(1)
    assert (running.detail["startedAt"], running.detail["finishedAt"]) == (BEGAN_SECONDS, None)


@pytest.mark.parametrize(
    ("reason", "spec", "told"),
    [
        ("ExperimentGoalReached", {}, "GoalReached"),
        ("ExperimentMaxTrialsReached", {}, "MaxTrialsReached"),
        ("ExperimentSuggestionEndReached", {}, "SuggestionEndReached"),
        ("ExperimentMaxTrialsReached", {"maxTrialCount": 3}, "SuggestionEndReached"),
        ("ExperimentMaxTrialsReached", {"maxTrialCount": 2}, "MaxTrialsReached"),
        ("ExperimentMaxTrialsReached", {"maxTrialCount": None}, "SuggestionEndReached"),
    ],
)
def test_a_good_end_says_which(reason: str, spec: Json, told: str) -> None:
    """Katib only counts: that a space of two points is used up is for us to say."""
    if spec:
        spec = spec | {"hyperparameterSpecList": [hyperparameter("k", "categorical", values="a,b")]}
    done = seen(ended("Succeeded", reason), trial(1, "Succeeded", value="0.7"), **spec)
    assert (done.phase, done.reason) == (Phase.SUCCEEDED, told)
    assert done.detail["finishedAt"] == states.LATER_SECONDS


def test_too_many_failures_tell_the_last_of_them() -> None:
    bad = seen(
        ended("Failed", "ExperimentFailed", "Experiment has failed because max failed count has reached"),
        trial(1, "Failed"),
        trial(2, "MetricsUnavailable"),
        jobs=(job(1, condition("Failed")),),
        pods=(pod_of(1, states.ended(83, "words\nThe entry point ended with exit code 3.")),),
    )
    assert bad.phase is Phase.FAILED
    assert bad.reason.startswith("MaxFailedTrialsReached: 2 trainings have failed: ")


def test_a_refused_experiment_tells_what_the_suggestion_service_said() -> None:
    of = ended("Failed", "ExperimentFailed", "Suggestion has failed")
    bad = observe(TuningView(tuning(), of, suggestion={"Failed": "random_state must be a number\n\x1b[31m"}), NOW)
    assert (bad.phase, bad.reason) == (Phase.FAILED, "Suggestion has failed: random_state must be a number [31m")
    assert observe(TuningView(tuning(), of), NOW).reason == "Suggestion has failed"


def test_one_that_was_deleted_by_somebody_else_fails() -> None:
    gone = experiment(condition("Running"), metadata={"deletionTimestamp": LATER})
    assert "deleted on the cluster" in seen(gone, trial(1, "Running")).reason


def test_a_stopped_one_is_stopped_once_its_pods_have_ended() -> None:
    of = ended("Succeeded", STOPPED_REASON)
    going = seen(
        of,
        trial(1, "Running"),
        jobs=(job(1, SUSPENDED, suspend=True),),
        pods=(pod_of(1, states.running()),),
    )
    assert going.phase is Phase.RUNNING
    over = seen(of, trial(1, "Running"), trial(2, "Succeeded", value="1"), jobs=(job(1, SUSPENDED, suspend=True),))
    assert over.phase is Phase.STOPPED
    assert (over.detail["killedTrialCount"], over.detail["runningTrialCount"]) == (1, 0)
    assert over.detail["finishedAt"] == states.LATER_SECONDS


def test_what_a_queue_has_suspended_still_counts_as_running() -> None:
    """Only the end of the tuning makes a suspension one for good."""
    running = seen(experiment(condition("Running")), trial(1, "Running"), jobs=(job(1, SUSPENDED, suspend=True),))
    assert running.detail["runningTrialCount"] == 1


def test_the_status_of_a_stop_keeps_what_was_and_nothing_runs() -> None:
    before = experiment(condition("Created"), condition("Running"))
    status = stopped_status(before, LATER)
    assert [(each["type"], each["status"]) for each in status["conditions"]] == [
        ("Created", "True"),
        ("Running", "False"),
        ("Succeeded", "True"),
    ]
    after = before | {"status": before["status"] | status}
    assert is_over(after)
    assert seen(after).phase is Phase.STOPPED


def view(of: Json, job_: Json | None = None, *pods: Json, over: bool = False):
    (found,) = seen_trials([of], [job_] if job_ else [], pods, 1, over)
    return trial_view(found)


@pytest.mark.parametrize(
    ("of", "pod", "reason"),
    [
        (trial(1, "Failed"), states.ended(83, "x\nThe entry point ended with exit code 3."), "exit code 3"),
        (
            trial(1, "Failed"),
            states.ended(1, "The entry point ended with exit code 3.\nTraining Container was Failed"),
            "The entry point ended with exit code 3.",
        ),
        (trial(1, "Failed"), states.ended(137, reason="OOMKilled"), "OOMKilled"),
        (trial(1, "MetricsUnavailable"), states.ended(0), "metricRegex"),
        (trial(1, "EarlyStopped"), states.ended(0), "stopped early"),
        (trial(1, "Running"), states.unschedulable("no GPU is free"), "no GPU is free"),
        (trial(1, "Succeeded"), states.ended(0), ""),
    ],
)
def test_a_trial_says_why_it_is_as_it_is(of: Json, pod: Json, reason: str) -> None:
    failed = [condition("Failed")] if "Failed" in {each["type"] for each in of["status"]["conditions"]} else []
    told = view(of, job(1, *failed), pod_of(1, pod)).reason
    assert (reason in told) if reason else told == ""


def test_a_trial_whose_job_is_done_waits_for_its_metrics() -> None:
    assert "being collected" in view(trial(1, "Running"), job(1, condition("Complete"))).reason


def test_times_and_values_of_a_trial() -> None:
    done = view(trial(1, "Succeeded", value="0.7", word="it%27s"), job(1, condition("Complete")))
    assert done.assignments == {"rate": "0.01", "word": "it's"}
    assert (done.created_at, done.finished_at) == (BEGAN_SECONDS + 1, states.ENDED_SECONDS)
    (series,) = last_values(done)
    assert [value.value for value in series.values] == ["0.7"]


def test_a_metric_without_any_value_is_none() -> None:
    assert view(trial(1, "MetricsUnavailable", value="unavailable")).metrics == ()


def test_trials_are_in_the_order_of_their_creation() -> None:
    names = [each.name for each in seen_trials([trial(3), trial(1), trial(2)], [], [], 1, over=False)]
    assert names == [trial_name(number) for number in (1, 2, 3)]


def test_the_story_grows_at_its_end() -> None:
    created = experiment(condition("Created"))
    first = story(created, [view(trial(1, "Running"))])
    later = story(created, [view(trial(1, "Succeeded", value="0.7")), view(trial(2))])
    lines = later.decode().splitlines()
    assert later.startswith(first.splitlines(keepends=True)[0])
    assert [line.split()[2] for line in lines if trial_name(1) in line] == ["CREATED", "SUCCEEDED"]
    assert lines[0].endswith(f"{trial_name(1)} CREATED rate=0.01")
    assert lines == sorted(lines)
