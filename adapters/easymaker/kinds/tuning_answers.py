"""What answers about a tuning say: its settings, how its trainings are doing, the best one, and the reports on them."""

from adapters.easymaker.kinds import experiment
from adapters.easymaker.kinds.kind import Presenting, QueryParameter, Report
from adapters.easymaker.kinds.record import Family, Json
from adapters.easymaker.kinds.run_answers import board_of, elapsed_seconds, models_made
from adapters.easymaker.kinds.training_settings import present_run

COUNTS = (
    "successfulTrialCount",
    "runningTrialCount",
    "failedTrialCount",
    "earlyStoppedTrialCount",
    "killedTrialCount",
    "metricsUnavailableTrialCount",
)
SHOWN = (
    "hyperparameterSpecList",
    "metricList",
    "metricRegex",
    "objectiveMetric",
    "objectiveTypeCode",
    "objectiveGoal",
    "maxFailedTrialCount",
    "maxTrialCount",
    "parallelTrialCount",
    "tuningStrategyName",
    "tuningStrategyRandomState",
    "earlyStoppingAlgorithm",
    "earlyStoppingMinTrialCount",
    "earlyStoppingStartStep",
)
LOG_PART = QueryParameter("trialId", "The log of this training of the tuning, instead of the tuning's own")
REPORTS = (
    Report(
        path="trials",
        key="trialList",
        summary="The trainings of the tuning, in the order of their start, each with its values and its metrics",
        example=[
            {
                "trialId": "3f0c81d2-0001",
                "trialStatusCode": "SUCCEEDED",
                "hyperparameterList": [{"parameterName": "lr", "parameterValue": "0.03"}],
                "targetMetricValue": "0.97",
            }
        ],
    ),
    Report(
        path="metrics",
        key="metricSeriesList",
        summary="Every value of every metric of the tuning's trainings, in the order in which it was logged",
        query=(QueryParameter("trialId", "Only this training of the tuning"),),
        example=[
            {
                "trialId": "3f0c81d2-0001",
                "trialMetricName": "accuracy",
                "valueList": [{"datetime": "2026-01-01T00:00:00+00:00", "value": "0.97"}],
            }
        ],
    ),
)


def shown(family: Family, presenting: Presenting) -> Json:
    record = family.record
    best = record.state.get("optimalTrial")
    return (
        present_run(record.spec, presenting.catalogue)
        | board_of(record, presenting)
        | {name: record.spec.get(name) for name in SHOWN}
        | {name: record.state.get(name, 0) for name in COUNTS}
        | {
            "objectiveMetricName": record.spec["objectiveMetric"]["name"],
            "experiment": experiment.summary(family, presenting),
            "elapsedTimeSeconds": elapsed_seconds(record.state),
            "optimalTrialId": best["trialId"] if best else None,
            "optimalTrial": best,
            "modelList": models_made(family),
            "limits": record.state.get("limits"),
        }
    )
