"""How trials are shown, counted and compared, whichever engine has run them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.easymaker.engines.tunings import (
    MetricSeries,
    MetricValue,
    MetricView,
    TrialView,
    nodes_of_a_trial,
    optimal,
    output_uris,
    series_answer,
    trial_answer,
    trial_id,
    trials_detail,
    tuning_experiment,
)
from adapters.easymaker.kinds.record import Goal, Record
from katib_suggestions.trial import TrialCondition

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = "3F0C81D2-77aa-4e7b-9a3e-0123456789ab"


def tuning(**changes: Any) -> Record:
    spec = {
        "modelUploadUri": "nas://out:/tuned/",
        "instanceCount": 6,
        "parallelTrialCount": 3,
        "hyperparameterSpecList": [
            {
                "hyperparameterName": "x",
                "hyperparameterTypeCode": "double",
                "hyperparameterMinValue": "0",
                "hyperparameterMaxValue": "1",
            }
        ],
        "metricList": [{"name": "score"}],
        "objectiveMetric": {"name": "score"},
        "objectiveTypeCode": "MAXIMIZE",
        "tuningStrategyName": "RANDOM",
        "earlyStoppingMinTrialCount": 3,
        "earlyStoppingStartStep": 4,
    } | changes
    fields = (ID, "hyperparameter-tuning", "local", "name", "", "RUNNING", "", Goal.PRESENT)
    return Record(*fields, spec, {}, "owner", NOW, NOW, 1)


def trial(number: int, best: str | None, condition: TrialCondition = TrialCondition.SUCCEEDED) -> TrialView:
    metrics = (MetricView("score", "0.1", best, "0.2"),) if best is not None else ()
    return TrialView(f"t-{number}", f"trial {number}", condition, {"x": "0.5"}, metrics)


def test_a_trial_as_it_is_shown() -> None:
    seen = TrialView(
        id="t-1",
        name="first",
        condition=TrialCondition.EARLY_STOPPED,
        assignments={"x": "0.5", "y": "adam"},
        metrics=(MetricView("loss", "0.2", "0.9", "0.3"), MetricView("score", "0.1", "0.7", "0.6")),
        reason="score is less than 0.8",
        created_at=1000.0,
        started_at=1001.5,
        finished_at=1062.0,
    )
    assert trial_answer(tuning(), seen, 9999.0) == {
        "trialId": "t-1",
        "trialName": "first",
        "trialStatusCode": "EARLY_STOPPED",
        "trialStatusReason": "score is less than 0.8",
        "hyperparameterTuningId": ID,
        "hyperparameterList": [
            {"parameterName": "x", "parameterValue": "0.5"},
            {"parameterName": "y", "parameterValue": "adam"},
        ],
        "trialMetricList": [
            {
                "trialMetricName": "loss",
                "trialMetricMinValue": "0.2",
                "trialMetricMaxValue": "0.9",
                "trialMetricLatestValue": "0.3",
            },
            {
                "trialMetricName": "score",
                "trialMetricMinValue": "0.1",
                "trialMetricMaxValue": "0.7",
                "trialMetricLatestValue": "0.6",
            },
        ],
        "targetMetricValue": "0.7",
        "modelUploadUri": "nas://out:/tuned/t-1",
        "elapsedTimeSeconds": 60,
        "createdDatetime": "1970-01-01T00:16:40+00:00",
        "startedDatetime": "1970-01-01T00:16:41.500000+00:00",
        "finishedDatetime": "1970-01-01T00:17:42+00:00",
    }


def test_a_trial_that_has_only_been_asked_for() -> None:
    shown = trial_answer(tuning(), TrialView("t-1", "first", TrialCondition.CREATED, {}), 5.0)
    assert (shown["elapsedTimeSeconds"], shown["targetMetricValue"], shown["startedDatetime"]) == (0, None, None)


def test_a_running_trials_time_goes_on() -> None:
    seen = TrialView("t-1", "first", TrialCondition.RUNNING, {}, started_at=10.0)
    assert trial_answer(tuning(), seen, 17.9)["elapsedTimeSeconds"] == 7


def test_the_target_value_is_the_smallest_where_it_is_minimized() -> None:
    record = tuning(objectiveTypeCode="MINIMIZE")
    assert trial_answer(record, trial(1, "0.9"), 0.0)["targetMetricValue"] == "0.1"


@pytest.mark.parametrize(
    ("trials", "best"),
    [
        ([], None),
        ([trial(1, None)], None),
        ([trial(1, "0.5"), trial(2, "0.7"), trial(3, "0.7")], "t-2"),
        ([trial(1, "0.5"), trial(2, "nan"), trial(3, "inf"), trial(4, "unavailable")], "t-1"),
        ([trial(1, "0.5"), trial(2, "0.9", TrialCondition.FAILED), trial(3, "0.8", TrialCondition.KILLED)], "t-1"),
        ([trial(1, "0.5"), trial(2, "0.9", TrialCondition.RUNNING)], "t-1"),
        ([trial(1, "0.5"), trial(2, "0.9", TrialCondition.EARLY_STOPPED)], "t-1"),
        ([trial(1, "9"), trial(2, "10"), trial(3, "1e1")], "t-2"),
    ],
)
def test_the_best_trial_is_the_first_of_the_best_that_have_a_result(trials: list[TrialView], best: str | None) -> None:
    found = optimal(tuning_experiment(tuning()), trials)
    assert (found.id if found else None) == best


def test_what_is_kept_of_the_trials_in_the_record() -> None:
    ends = [TrialCondition.SUCCEEDED, TrialCondition.SUCCEEDED, TrialCondition.FAILED, TrialCondition.RUNNING]
    ends += [TrialCondition.CREATED, TrialCondition.KILLED, TrialCondition.METRICS_UNAVAILABLE]
    detail = trials_detail(tuning(), [trial(n, f"0.{n}", end) for n, end in enumerate(ends)], 0.0)
    assert detail.pop("optimalTrial")["trialId"] == "t-1"
    assert detail == {
        "successfulTrialCount": 2,
        "runningTrialCount": 1,
        "failedTrialCount": 1,
        "earlyStoppedTrialCount": 0,
        "killedTrialCount": 1,
        "metricsUnavailableTrialCount": 1,
    }


def test_a_series_as_it_is_shown() -> None:
    series = MetricSeries("t-1", "first", "score", (MetricValue(0.0, "0.1"), MetricValue(1.0, "0.2")))
    assert series_answer([series]) == [
        {
            "trialId": "t-1",
            "trialName": "first",
            "trialMetricName": "score",
            "valueList": [
                {"datetime": "1970-01-01T00:00:00+00:00", "value": "0.1"},
                {"datetime": "1970-01-01T00:00:01+00:00", "value": "0.2"},
            ],
        }
    ]


def test_trials_have_ids_and_outputs_of_their_own() -> None:
    record = tuning(checkPointUploadUri="nas://out:/checkpoints")
    assert trial_id(record, 7) == "3f0c81d2-0007"
    assert output_uris(record, "t-7") == ("nas://out:/tuned/t-7", "nas://out:/checkpoints/t-7")
    assert output_uris(tuning(), "t-7")[1] is None


def test_a_trial_has_its_share_of_the_nodes() -> None:
    assert nodes_of_a_trial(tuning()) == 2
