"""The component; README.md says how to use it."""

from typing import NamedTuple

from kfp import dsl

from kfp_components.easymaker.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def tune(
    source_dir_uri: str,
    entry_point: str,
    search_space: dict,
    objective_metric: str,
    best_model: dsl.Output[dsl.Model],
    trials: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    objective: str = "maximize",
    stop_at_goal: bool = False,
    objective_goal: float = 0.0,
    algorithm: str = "bayesian",
    random_state: int = -1,
    max_trials: int = 10,
    max_failed_trials: int = 0,
    parallel_trials: int = 1,
    early_stopping: str = "",
    datasets: dict = {},  # noqa: B006
    hyperparameters: dict = {},  # noqa: B006
    model_upload_uri: str = "",
    metric_regex: str = "",
    timeout_minutes: int = 0,
    engine: str = "auto",
    experiment: str = "",
    image: str = "Ubuntu 22.04 CPU Python Training",
    flavor: str = "m2.c2m4",
    data_storage_gb: int = 0,
    use_torchrun: bool = False,
    processes_per_node: int = 1,
) -> NamedTuple("Outputs", best_parameters=dict, best_value=float, tuning_id=str):  # pyright: ignore[reportInvalidTypeForm]
    """Looks for the best hyperparameters of a program of yours, as an EasyMaker tuning or in a loop of this step.

    Args:
        source_dir_uri: Directory of the program, obs:// or nas://.
        entry_point: File below it to run.
        search_space: Hyperparameters to tune, name to {type, min, max, step, values, distribution}.
        objective_metric: The metric that decides; the program prints it.
        best_model: Model of the best trial.
        trials: Every trial with its hyperparameters and its value, to read.
        metrics: The best value, and numbers of trials.
        objective: maximize or minimize.
        stop_at_goal: Whether the search is over once objective_goal is reached.
        objective_goal: Value of the metric that is good enough.
        algorithm: bayesian, random or grid.
        random_state: Makes the search reproducible; none if negative.
        max_trials: Number of trials.
        max_failed_trials: With more failed trials the step fails.
        parallel_trials: Trials at the same time.
        early_stopping: median, or empty for none; by EasyMaker's own tunings only.
        datasets: Data sets, name to URI, in EM_DATASET_{NAME}.
        hyperparameters: Those that are not tuned.
        model_upload_uri: Models go below it, each to the name of its trial. Needed by EasyMaker's own tunings.
        metric_regex: RE2 whose first two groups are a metric's name and value; name=value if empty.
        timeout_minutes: Time limit of a trial (local loop), of the tuning (EasyMaker, from 60); none if 0.
        engine: easymaker, local, or auto: EasyMaker where its API is configured.
        experiment: EasyMaker experiment, name or id; EM_EXPERIMENT_ID or a new one if empty.
        image: Training image of an EasyMaker tuning.
        flavor: Instance type of an EasyMaker tuning.
        data_storage_gb: Data storage of an EasyMaker tuning; needed with obs://.
        use_torchrun: Whether PyTorch's torchrun starts the program.
        processes_per_node: Processes that torchrun starts.

    Returns:
        best_parameters: Hyperparameters of the best trial.
        best_value: Its value of the objective metric.
        tuning_id: Id of the EasyMaker tuning; empty for the local loop.
    """
    from kfp_components.easymaker.runs.program import Program
    from kfp_components.easymaker.tune.plan import Goal, Platform, Search, Tuning
    from kfp_components.easymaker.tune.tuning import Outputs
    from kfp_components.easymaker.tune.tuning import tune as run

    tuning = Tuning(
        Program(
            source_dir_uri,
            entry_point,
            hyperparameters,
            datasets,
            use_torchrun=use_torchrun,
            processes_per_node=processes_per_node,
            timeout_minutes=timeout_minutes,
        ),
        Goal(objective_metric, objective, objective_goal if stop_at_goal else None, max_trials, max_failed_trials),
        Search(search_space, algorithm, random_state if random_state >= 0 else None, parallel_trials, early_stopping),
        model_upload_uri,
        metric_regex,
        Platform(experiment, image, flavor, data_storage_gb),
    )
    result = run(tuning, engine, Outputs(best_model, trials))
    for name, value in result.counts(objective_metric).items():
        metrics.log_metric(name, value)
    return (dict(result.best.parameters), result.best.value, result.tuning_id)  # pyright: ignore[reportReturnType]
