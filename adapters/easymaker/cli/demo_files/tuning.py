"""The tuning of the demo: six trainings, two at a time, by Bayesian optimisation, telling its progress as it goes."""

# pyright: reportAttributeAccessIssue=false

import time

import easymaker
from easymaker.common.codes import HyperparameterTypeCode
from easymaker.training.components import HyperparameterSpec, Metric

TRIALS = 6
OBJECTIVE = "loss"
SECONDS_BETWEEN_LOOKS = 0.5


def run(name: str, experiment_id: str, storage: str, **settings) -> easymaker.HyperparameterTuning:
    """``settings``: image, flavor, entry point and data, as of a training."""
    return easymaker.HyperparameterTuning().run(
        hyperparameter_tuning_name=name,
        experiment_id=experiment_id,
        source_dir_uri=f"{storage}/source",
        model_upload_uri=f"{storage}/tuned",
        hyperparameter_spec_list=[_whole_number("n_estimators", "10", "60"), _whole_number("max_depth", "1", "6")],
        metric_list=[Metric(name=OBJECTIVE), Metric(name="accuracy")],
        metric_regex=r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)",
        objective_metric_name=OBJECTIVE,
        objective_type_code=easymaker.ObjectiveTypeCode.MINIMIZE,
        tuning_strategy_name=easymaker.TuningStrategy.BAYESIAN_OPTIMIZATION,
        tuning_strategy_random_state=1,
        max_trial_count=TRIALS,
        max_failed_trial_count=1,
        parallel_trial_count=2,
        distributed_node_count=1,
        data_storage_size=300,
        timeout_hours=1,
        wait=False,
        **settings,
    )


def follow(tuning: easymaker.HyperparameterTuning, patience: float) -> easymaker.HyperparameterTuning:
    """Tells what changes until the tuning ends well; raises RuntimeError with the platform's word for it otherwise."""
    deadline, told = time.monotonic() + patience, ""
    while True:
        now = easymaker.HyperparameterTuning.get_by_id(tuning.id)
        if (progress := describe(now)) != told:
            print(progress, flush=True)
            told = progress
        if now.status == "COMPLETE":
            return now
        if "FAIL" in now.status or "STOP" in now.status or time.monotonic() > deadline:
            raise RuntimeError(
                f"the tuning is {now.status} {now.hyperparameter_tuning_status_reason or ''}: {progress}"
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)


def describe(tuning: easymaker.HyperparameterTuning) -> str:
    ended, running = tuning.successful_trial_count or 0, tuning.running_trial_count or 0
    counted = f"{ended} of {TRIALS} trainings, {running} running"
    return f"{counted}, best {best(tuning)}" if tuning.optimal_trial else counted


def best(tuning: easymaker.HyperparameterTuning) -> str:
    (loss,) = (m for m in tuning.optimal_trial.trial_metric_list if m.trial_metric_name == OBJECTIVE)
    given = " ".join(f"{p.parameter_name}={p.parameter_value}" for p in tuning.optimal_trial.hyperparameter_list)
    return f"{OBJECTIVE}={loss.trial_metric_min_value} with {given}"


def _whole_number(name: str, low: str, high: str) -> HyperparameterSpec:
    return HyperparameterSpec(
        hyperparameter_name=name,
        hyperparameter_type_code=HyperparameterTypeCode.INT,
        hyperparameter_min_value=low,
        hyperparameter_max_value=high,
    )
