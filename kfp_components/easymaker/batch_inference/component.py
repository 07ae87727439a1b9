"""The component; README.md says how to use it."""

from typing import NamedTuple

from kfp import dsl

from kfp_components.easymaker.caching import never_cached
from kfp_components.easymaker.images import COMPONENTS


@never_cached
@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def batch_inference(
    predictions: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    predict_url: str = "",
    endpoint: str = "",
    data_uri: str = "",
    dataset: dsl.Input[dsl.Dataset] = None,  # pyright: ignore[reportArgumentType]
    include_glob: str = "",
    exclude_glob: str = "",
    instance_field: str = "",
    instance_fields: list = [],  # noqa: B006
    protocol: str = "v1",
    batch_size: int = 32,
    parallel_requests: int = 1,
    timeout_seconds: float = 60.0,
    most_failures: int = 0,
    output_uri: str = "",
) -> NamedTuple("Outputs", processed=int, failed=int):  # pyright: ignore[reportInvalidTypeForm]
    """Predicts for every record of a data set, in batches, with a model that is served.

    Args:
        predictions: JSON lines, in the order of the data: {"instance": …, "prediction": …} or {…, "error": …}.
        metrics: Numbers of files, records, and answers.
        predict_url: Where the model takes predictions.
        endpoint: Name or id of an EasyMaker endpoint, whose default stage answers; where there is no predict_url.
        data_uri: File or directory of data, obs:// or nas://; or give dataset.
        dataset: Data of an earlier step.
        include_glob: Only files whose path below the directory matches, such as *.jsonl.
        exclude_glob: Not these files, even where include_glob matches.
        instance_field: Field of a record that is the model's input; or give instance_fields; else the whole record.
        instance_fields: Fields of a record that make up the model's input, in this order.
        protocol: v1 (instances) or v2 (Open Inference Protocol; numbers only).
        batch_size: Records in one request.
        parallel_requests: Requests at the same time.
        timeout_seconds: Limit for one request.
        most_failures: With more failed records than these the step fails.
        output_uri: Where a copy of the predictions goes to.

    Returns:
        processed: Number of records that were predicted.
        failed: Number of records that were not.
    """
    from kfp_components.easymaker.batch_inference.inference import Data, Inputs, Options, run

    data = Data(data_uri, dataset.path if dataset is not None else "", include_glob, exclude_glob)
    inputs = Inputs(instance_field, instance_fields)
    options = Options(inputs, protocol, batch_size, parallel_requests, timeout_seconds, most_failures)
    counts = run(data, options, (predict_url, endpoint), predictions.path, output_uri)
    for name, value in counts.metrics().items():
        metrics.log_metric(name, value)
    return (counts.processed, counts.failed)  # pyright: ignore[reportReturnType]
