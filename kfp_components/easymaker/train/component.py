"""The component; README.md says how to use it."""

from typing import NamedTuple

from kfp import dsl

from kfp_components.easymaker.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def train(
    source_dir_uri: str,
    entry_point: str,
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    tensorboard_logs: dsl.Output[dsl.Artifact],
    dataset: dsl.Input[dsl.Dataset] = None,  # pyright: ignore[reportArgumentType]
    datasets: dict = {},  # noqa: B006
    hyperparameters: dict = {},  # noqa: B006
    model_upload_uri: str = "",
    checkpoint_input_uri: str = "",
    checkpoint_upload_uri: str = "",
    resume: bool = False,
    metric_names: list = [],  # noqa: B006
    metric_regex: str = "",
    use_torchrun: bool = False,
    processes_per_node: int = 1,
    timeout_minutes: int = 0,
) -> NamedTuple("Outputs", metric_values=dict):  # pyright: ignore[reportInvalidTypeForm]
    """Trains a model: runs a program of yours as an EasyMaker training runs it.

    Args:
        source_dir_uri: Directory of the program, obs:// or nas://.
        entry_point: File below it to run.
        model: What the program wrote to EM_MODEL_DIR.
        metrics: Last value of each metric.
        tensorboard_logs: What the program wrote to EM_TENSORBOARD_LOG_DIR.
        dataset: A data set of an earlier step, in EM_DATASET_INPUT.
        datasets: Further data sets, name to URI, in EM_DATASET_{NAME}.
        hyperparameters: Name to value, given as --name value and in EM_HP_{NAME}.
        model_upload_uri: Where a copy of the model goes to, such as a place to serve it from.
        checkpoint_input_uri: Checkpoint to start from, in EM_CHECKPOINT_INPUT_DIR.
        checkpoint_upload_uri: Where checkpoints go to, also after a stop or a failure.
        resume: Whether to start from what is at checkpoint_upload_uri, if anything is.
        metric_names: Metrics to take from the log; all that are found if empty.
        metric_regex: RE2 whose first two groups are a metric's name and value; name=value if empty.
        use_torchrun: Whether PyTorch's torchrun starts the program.
        processes_per_node: Processes that torchrun starts.
        timeout_minutes: Time limit; none if 0.

    Returns:
        metric_values: The metrics as a dictionary.
    """
    from kfp_components.easymaker.runs.metric_log import MetricLog
    from kfp_components.easymaker.runs.program import Program
    from kfp_components.easymaker.train.training import Outputs, checkpoint_to_start_from, finite
    from kfp_components.easymaker.train.training import train as run

    program = Program(
        source_dir_uri,
        entry_point,
        hyperparameters,
        datasets,
        checkpoint_to_start_from(checkpoint_input_uri, checkpoint_upload_uri if resume else ""),
        checkpoint_upload_uri,
        use_torchrun,
        processes_per_node,
        timeout_minutes,
    )
    values = run(
        program, MetricLog(metric_regex, metric_names), Outputs(model, tensorboard_logs, model_upload_uri), dataset
    )
    for name, value in finite(values).items():
        metrics.log_metric(name, value)
    return (finite(values),)  # pyright: ignore[reportReturnType]
