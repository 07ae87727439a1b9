"""What both engines say about a tuning's trials, in the API's words; and the Katib experiment that a tuning is."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.easymaker.kinds import tuning_ranges, tuning_settings
from adapters.easymaker.kinds.record import Json, Record
from katib_suggestions.experiment import Experiment, Objective
from katib_suggestions.trial import TrialCondition

COUNT_FIELDS = {
    TrialCondition.SUCCEEDED: "successfulTrialCount",
    TrialCondition.RUNNING: "runningTrialCount",
    TrialCondition.FAILED: "failedTrialCount",
    TrialCondition.EARLY_STOPPED: "earlyStoppedTrialCount",
    TrialCondition.KILLED: "killedTrialCount",
    TrialCondition.METRICS_UNAVAILABLE: "metricsUnavailableTrialCount",
}


@dataclass(frozen=True)
class MetricView:
    """One metric of one trial; values are texts as they were logged."""

    name: str
    min: str
    max: str
    latest: str


@dataclass(frozen=True)
class MetricValue:
    """``at`` is None where nobody has noted the time."""

    at: float | None
    value: str


@dataclass(frozen=True)
class TrialView:
    """One trial as an engine sees it. Times are seconds since 1970, None before they have come."""

    id: str
    name: str
    condition: TrialCondition
    assignments: Mapping[str, str]
    metrics: tuple[MetricView, ...] = ()
    reason: str = ""
    created_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None


@dataclass(frozen=True)
class MetricSeries:
    """Every value of one metric of one trial, in the order in which they were logged."""

    trial_id: str
    trial_name: str
    metric: str
    values: Sequence[MetricValue] = field(default_factory=tuple[MetricValue, ...])


def tuning_experiment(record: Record) -> Experiment:
    """What the suggestion and early-stopping services are told; its name is the tuning's id."""
    return tuning_ranges.experiment_of(record.id, record.spec)


def trial_id(record: Record, number: int) -> str:
    """Of the trial with this number, from 1 on: the same whoever asks, and a DNS label."""
    return f"{record.id[:8].lower()}-{number:04d}"


def nodes_of_a_trial(record: Record) -> int:
    return tuning_settings.nodes_of_a_trial(record.spec)


def output_uris(record: Record, trial: str) -> tuple[str, str | None]:
    """Where a trial puts its model and its checkpoints: each in a directory of its own."""
    checkpoints = record.spec.get("checkPointUploadUri")
    model = tuning_settings.trial_uri(record.spec["modelUploadUri"], trial)
    return model, tuning_settings.trial_uri(checkpoints, trial) if checkpoints else None


def trial_answer(record: Record, trial: TrialView, now: float) -> Json:
    """As lists of trials and ``optimalTrial`` show it."""
    started, finished = trial.started_at, trial.finished_at
    return {
        "trialId": trial.id,
        "trialName": trial.name,
        "trialStatusCode": trial.condition.value,
        "trialStatusReason": trial.reason,
        "hyperparameterTuningId": record.id,
        "hyperparameterList": [
            {"parameterName": name, "parameterValue": value} for name, value in trial.assignments.items()
        ],
        "trialMetricList": [
            {
                "trialMetricName": metric.name,
                "trialMetricMinValue": metric.min,
                "trialMetricMaxValue": metric.max,
                "trialMetricLatestValue": metric.latest,
            }
            for metric in trial.metrics
        ],
        "targetMetricValue": target_value(tuning_experiment(record), trial),
        "modelUploadUri": output_uris(record, trial.id)[0],
        "elapsedTimeSeconds": max(0, int((finished or now) - started)) if started is not None else 0,
        "createdDatetime": _datetime(trial.created_at),
        "startedDatetime": _datetime(started),
        "finishedDatetime": _datetime(finished),
    }


def series_answer(series: Sequence[MetricSeries]) -> list[Json]:
    return [
        {
            "trialId": each.trial_id,
            "trialName": each.trial_name,
            "trialMetricName": each.metric,
            "valueList": [{"datetime": _datetime(value.at), "value": value.value} for value in each.values],
        }
        for each in series
    ]


def target_value(experiment: Experiment, trial: TrialView) -> str | None:
    """The objective metric's value by which trials are compared: its best, as in Katib where nothing else is said."""
    for metric in trial.metrics:
        if metric.name == experiment.metric:
            return metric.max if experiment.objective is Objective.MAXIMIZE else metric.min
    return None


def optimal(experiment: Experiment, trials: Sequence[TrialView]) -> TrialView | None:
    """The first of the best; None as long as there is no result.

    Katib counts trials that were stopped early, too. Here a model is made of the best one, and those have stored none.
    """
    best: tuple[float, TrialView] | None = None
    for trial in trials:
        value = _number(target_value(experiment, trial))
        if trial.condition is not TrialCondition.SUCCEEDED or value is None:
            continue
        loss = -value if experiment.objective is Objective.MAXIMIZE else value
        if best is None or loss < best[0]:
            best = loss, trial
    return best[1] if best else None


def trials_detail(record: Record, trials: Sequence[TrialView], now: float) -> Json:
    """For ``Observation.detail``: how many trials there are in which condition, and the best one."""
    counted = Counter(trial.condition for trial in trials)
    best = optimal(tuning_experiment(record), trials)
    return {name: counted[condition] for condition, name in COUNT_FIELDS.items()} | {
        "optimalTrial": trial_answer(record, best, now) if best else None
    }


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _datetime(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds is not None else None
